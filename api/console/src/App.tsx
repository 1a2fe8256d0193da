import { Alert, Button, Segmented, Spin } from 'antd'
import { lazy, type ReactNode, Suspense, useCallback, useEffect, useMemo, useState } from 'react'

import type { ApiError } from './api/client'
import type { Case } from './api/types'
import { useFlight } from './flight/useFlight'
import { useSpeech } from './i18n'
import type { ColourBy } from './map/data'
import { lengthM } from './map/geometry'
import { LayerPanel } from './map/LayerPanel'
import type { Target } from './map/MapView'
import type { SwitchName } from './map/style'
import { CaseList } from './panels/CaseList'
import { CaseView, SightingView } from './panels/Detail'
import { arranged, NO_FILTER, type Sorting } from './panels/filter'
import { FlightPanel } from './panels/FlightPanel'
import { ALL, Header } from './panels/Header'
import { SightingList } from './panels/SightingList'
import { keyOf, select, useSelection } from './route'
import { useArea, useCase, useCases, usePatrolLayers, usePatrols } from './useData'

const MapView = lazy(() => import('./map/MapView'))

const SHOWN: SwitchName[] = [
  'cases',
  'sightings',
  'ellipses',
  'lanes',
  'track',
  'flight',
  'rivers',
  'communities',
  'zones',
  'permitted',
  'launch',
  'nofly',
]
// Narrower than this, the details lie over the list instead of over the map.
const WIDE = '(min-width: 1240px)'
const DETAIL_PX = 396
const LEGEND_PX = 210
const NO_CASES: Case[] = []

function useWide(): boolean {
  const query = useMemo(() => window.matchMedia(WIDE), [])
  const [wide, setWide] = useState(query.matches)
  useEffect(() => {
    const changed = (): void => setWide(query.matches)
    query.addEventListener('change', changed)
    return () => query.removeEventListener('change', changed)
  }, [query])
  return wide
}

function toggled<T>(set: ReadonlySet<T>, value: T, present: boolean): ReadonlySet<T> {
  const next = new Set(set)
  if (present) next.add(value)
  else next.delete(value)
  return next
}

function useErrorText(): (error: ApiError, haveData: boolean) => string {
  const { t } = useSpeech()
  return (error, haveData) =>
    error.status === 0
      ? t(haveData ? 'error.unreachable' : 'error.unreachable.empty')
      : t('error.server', { status: error.status, detail: error.detail })
}

export function App(): ReactNode {
  const speech = useSpeech()
  const { t } = speech
  const errorText = useErrorText()
  const wide = useWide()
  const selection = useSelection()

  const area = useArea()
  const patrols = usePatrols()
  const [chosen, setChosen] = useState<string | null>(null)
  const rows = patrols.data ?? []
  const patrolId = chosen ?? rows[0]?.id ?? ALL
  const patrol = rows.find(({ id }) => id === patrolId) ?? null
  const cases = useCases(patrols.data ? patrolId : null)
  const [layers, layersResource] = usePatrolLayers(patrol)
  const flight = useFlight(patrol?.id ?? null)
  const detail = useCase(selection?.kind === 'case' ? selection.number : null)

  const [filter, setFilter] = useState(NO_FILTER)
  const [sorting, setSorting] = useState<Sorting>('deadline')
  const [tab, setTab] = useState<'cases' | 'sightings' | 'flight'>('cases')
  const [shown, setShown] = useState<ReadonlySet<SwitchName>>(() => new Set(SHOWN))
  const [hiddenSorties, setHiddenSorties] = useState<ReadonlySet<number>>(new Set<number>())
  const [colourBy, setColourBy] = useState<ColourBy>('class')
  const [legendOpen, setLegendOpen] = useState(wide)
  const [fit, setFit] = useState(0)
  const [place, setPlace] = useState<{ lon: number; lat: number } | null>(null)
  const [mapBroken, setMapBroken] = useState(false)

  // A link to a case or sighting of another patrol brings its patrol with it.
  const theirs = selection?.kind === 'sighting' ? selection.patrol : detail.data?.patrol
  const known = rows.some(({ id }) => id === theirs)
  useEffect(() => {
    if (theirs && known) setChosen((now) => (now === ALL ? now : theirs))
  }, [theirs, known])

  const choose = (id: string): void => {
    setChosen(id)
    setHiddenSorties(new Set<number>())
    select(null)
  }
  const close = useCallback(() => select(null), [])

  // A flight that begins, or runs when its patrol is chosen, is what one wants to see.
  const flying = flight?.running ? (flight.head?.id ?? null) : null
  useEffect(() => {
    if (flying) setTab('flight')
  }, [flying])
  const shownTab = tab === 'flight' && !flight ? 'cases' : tab

  const items = cases.data?.items ?? NO_CASES
  const listed = useMemo(() => arranged(items, filter, sorting), [items, filter, sorting])
  const bySighting = useMemo(
    () => new Map(items.map((item) => [`${item.patrol}/${item.sighting}`, item])),
    [items],
  )
  const caseOf = useCallback(
    (id: string) => bySighting.get(`${patrolId}/${id}`),
    [bySighting, patrolId],
  )
  const loose = useMemo(
    () => layers.sightings.filter(({ properties }) => !caseOf(properties.id)),
    [layers.sightings, caseOf],
  )
  const sightings = useMemo(
    () => ({ patrol: patrolId, rows: layers.sightings }),
    [patrolId, layers.sightings],
  )

  const names = useMemo(() => {
    const all = [
      ...(area.data?.layers.communities.features ?? []),
      ...(area.data?.layers.rivers.features ?? []),
    ]
    return new Map(all.map(({ properties }) => [properties.code, properties]))
  }, [area.data])
  const named = (code: string | null, name: string | null): string =>
    speech.name((code !== null && names.get(code)) || { name: name ?? code ?? '' })
  const communities = useMemo(() => {
    const found = new Map(items.flatMap(({ community: c }) => (c ? [[c.code, c] as const] : [])))
    return [...found.values()].sort((a, b) => a.code.localeCompare(b.code))
  }, [items])

  const target = useMemo<Target | null>(() => {
    const key = keyOf(selection)
    if (!selection || !key) return null
    if (selection.kind === 'case') {
      const item = detail.data ?? items.find(({ number }) => number === selection.number)
      if (!item) return null
      const ellipse = detail.data?.report.ellipse ?? null
      const { number, lon, lat } = item
      return { key, number, lon, lat, class: item.class, ellipse }
    }
    const row = layers.sightings.find(({ properties }) => properties.id === selection.id)
    if (!row || selection.patrol !== patrolId) return null
    const [lon = 0, lat = 0] = row.geometry.coordinates
    const { class: violation, ellipse = null } = row.properties
    return { key, number: null, lon, lat, class: violation, ellipse }
  }, [selection, detail.data, items, layers.sightings, patrolId])

  const totals = useMemo(() => {
    if (!area.data || !cases.data) return null
    const rivers = area.data.layers.rivers.features
    const total = rivers.reduce((sum, { geometry }) => sum + lengthM(geometry.coordinates), 0)
    return {
      rivers: rivers.length,
      km: total / 1000,
      sightings: patrol
        ? patrol.sightings
        : rows.reduce((sum, row) => sum + (row.sightings ?? 0), 0),
      cases: items.length,
      open: items.filter(({ state }) => state !== 'closed').length,
      overdue: items.filter(({ overdue }) => overdue).length,
    }
  }, [area.data, cases.data, items, patrol, rows])

  const failed = [area, patrols, cases].find(({ error }) => error !== null)
  const first = area.data === null || patrols.data === null
  const retry = (): void => {
    for (const resource of [area, patrols, cases, layersResource]) {
      if (resource.error) resource.reload()
    }
  }
  // The area is asked for once; if that failed, the next good answer of the others asks again.
  const { error: areaError, reload: reloadArea } = area
  useEffect(() => {
    if (!areaError) return
    const timer = window.setTimeout(reloadArea, 5000)
    return () => window.clearTimeout(timer)
  }, [areaError, reloadArea])

  const emptyCases =
    rows.length === 0 && patrols.data && items.length === 0
      ? t('empty.patrols')
      : cases.data && items.length === 0
        ? t('empty.cases')
        : null

  return (
    <div className="page">
      <a className="skip" href="#cases" onClick={(event) => {
        event.preventDefault()
        document.querySelector<HTMLElement>('.rows button, .filters input')?.focus()
      }}>
        {t('app.skip')}
      </a>
      <Header
        patrols={rows}
        patrol={patrolId}
        onPatrol={choose}
        totals={totals}
        onOverdue={() => {
          setTab('cases')
          setFilter({ ...NO_FILTER, overdue: true })
        }}
      />
      {failed?.error && (
        <Alert
          banner
          type="error"
          title={errorText(failed.error, !first)}
          action={
            <Button size="small" onClick={retry}>
              {t('action.retry')}
            </Button>
          }
        />
      )}
      {layersResource.error && (
        <Alert
          banner
          type="warning"
          title={t('error.layer', {
            detail: layersResource.error.detail || String(layersResource.error.status),
          })}
        />
      )}
      <main className={selection ? 'main with-detail' : 'main'}>
        <nav className="side" aria-label={t('panel.label')}>
          <Segmented
            block
            className="tabs"
            value={shownTab}
            onChange={setTab}
            options={[
              { value: 'cases' as const, label: `${t('tab.cases')} ${items.length}` },
              {
                value: 'sightings' as const,
                label: `${t('tab.sightings')} ${patrol ? layers.sightings.length : ''}`.trim(),
              },
              ...(flight
                ? [
                    {
                      value: 'flight' as const,
                      label: (
                        <span className={flight.running ? 'tab-flight live' : 'tab-flight'}>
                          {t('tab.flight')}
                        </span>
                      ),
                    },
                  ]
                : []),
            ]}
          />
          {shownTab === 'flight' && flight ? (
            <FlightPanel patrol={patrolId} flight={flight} onLocate={setPlace} />
          ) : shownTab === 'cases' ? (
            cases.loading && !cases.data ? (
              <p className="empty">
                <Spin size="small" /> {t('loading')}
              </p>
            ) : (
              <CaseList
                cases={listed}
                total={items.length}
                communities={communities}
                communityName={named}
                filter={filter}
                onFilter={setFilter}
                sorting={sorting}
                onSorting={setSorting}
                selected={selection?.kind === 'case' ? selection.number : null}
                empty={emptyCases}
              />
            )
          ) : (
            <SightingList
              patrol={patrolId}
              rows={layers.sightings}
              caseOf={caseOf}
              selected={selection}
              empty={
                rows.length === 0
                  ? t('empty.patrols')
                  : t(patrol ? 'empty.sightings' : 'empty.sightings.all')
              }
            />
          )}
        </nav>
        <div className="map">
          {mapBroken ? (
            <p className="map-broken" role="alert">
              {t('error.map')}
            </p>
          ) : (
            area.data && (
              <Suspense fallback={null}>
                <MapView
                  area={area.data}
                  cases={listed}
                  sightings={sightings}
                  loose={loose}
                  lanes={layers.lanes}
                  track={layers.track}
                  flight={flight}
                  hiddenSorties={hiddenSorties}
                  shown={shown}
                  colourBy={colourBy}
                  target={target}
                  covered={{
                    left: legendOpen ? LEGEND_PX : 0,
                    right: wide && selection ? DETAIL_PX : 0,
                  }}
                  place={place}
                  fit={fit}
                  onBroken={() => setMapBroken(true)}
                />
                <LayerPanel
                  open={legendOpen}
                  onOpen={setLegendOpen}
                  shown={shown}
                  onShown={(name, visible) => setShown((now) => toggled(now, name, visible))}
                  colourBy={colourBy}
                  onColourBy={setColourBy}
                  sorties={layers.sorties}
                  hiddenSorties={hiddenSorties}
                  onSortie={(id, visible) =>
                    setHiddenSorties((now) => toggled(now, id, !visible))
                  }
                />
                <Button size="small" className="fit" onClick={() => setFit((n) => n + 1)}>
                  {t('map.fit')}
                </Button>
              </Suspense>
            )
          )}
        </div>
        {selection?.kind === 'case' && (
          <CaseView
            number={selection.number}
            item={detail.data}
            error={detail.error}
            departments={area.data?.departments ?? []}
            communityName={named}
            riverName={(code, name) => (code || name ? named(code, name) : null)}
            onChanged={() => {
              detail.reload()
              cases.reload()
            }}
            onClose={close}
          />
        )}
        {selection?.kind === 'sighting' && (
          <SightingView
            patrol={selection.patrol}
            id={selection.id}
            sighting={
              selection.patrol === patrolId
                ? (layers.sightings.find(({ properties }) => properties.id === selection.id) ??
                  null)
                : null
            }
            known={layers.read || (patrols.data !== null && patrol === null)}
            onClose={close}
          />
        )}
      </main>
    </div>
  )
}
