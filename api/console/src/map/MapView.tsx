import 'maplibre-gl/dist/maplibre-gl.css'

import type { FeatureCollection } from 'geojson'
import {
  type GeoJSONSource,
  Map as MapLibre,
  type MapMouseEvent,
  NavigationControl,
  type PaddingOptions,
  ScaleControl,
  setWorkerUrl,
} from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url'
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react'

import type { Area, Case, Ellipse, Layer, Sighting, Violation } from '../api/types'
import type { Flight } from '../flight/fold'
import { useSpeech } from '../i18n'
import { type Selection, select } from '../route'
import { CLASS_COLOURS } from '../theme'
import {
  baseData,
  caseData,
  type ColourBy,
  classWord,
  ellipseData,
  lines,
  sightingData,
  trailData,
  vehicleData,
} from './data'
import { NOTHING } from './geometry'
import { ensureMarker, ensureVehicle } from './icons'
import { mapStyle, type SourceName, SWITCHES, type SwitchName } from './style'

setWorkerUrl(workerUrl)

/** Pixels that panels lay over the map, so that what is flown to stays in sight. */
export interface Covered {
  left: number
  right: number
}

/** The thing selected, once its place is known. */
export interface Target {
  key: string
  /** The case's; null for a sighting without one. */
  number: string | null
  lon: number
  lat: number
  class: Violation
  ellipse: Ellipse | null
}

export interface MapViewProps {
  area: Area
  cases: Case[]
  sightings: { patrol: string; rows: Sighting[] }
  /** Sightings without a case; all of them have an ellipse. */
  loose: Sighting[]
  lanes: Layer | null
  track: Layer | null
  /** The running or just ended flight. */
  flight: Flight | null
  hiddenSorties: ReadonlySet<number>
  shown: ReadonlySet<SwitchName>
  colourBy: ColourBy
  target: Target | null
  covered: Covered
  /** A place to be moved to; another object each time. */
  place: { lon: number; lat: number } | null
  /** Counts up when the whole area shall be shown again. */
  fit: number
  onBroken: () => void
}

const CLICKABLE = ['cases', 'sightings']
const REACH_PX = 4
const NEAR_ZOOM = 18
const PLACE_ZOOM = 16
const MARGIN_PX = 36

function margins({ left, right }: Covered): PaddingOptions {
  return { top: MARGIN_PX, bottom: MARGIN_PX, left: MARGIN_PX + left, right: MARGIN_PX + right }
}

interface Hover {
  x: number
  y: number
  text: string
}

export default function MapView(props: MapViewProps): ReactNode {
  const speech = useSpeech()
  const { t } = speech
  const holder = useRef<HTMLDivElement>(null)
  const [map, setMap] = useState<MapLibre | null>(null)
  const [ready, setReady] = useState(false)
  const [hover, setHover] = useState<Hover | null>(null)
  const [cursor, setCursor] = useState<[number, number] | null>(null)
  const latest = useRef(props)
  latest.current = props
  const speaking = useRef(speech)
  speaking.current = speech

  const { area } = props
  useEffect(() => {
    const container = holder.current
    if (!container) return
    const [west, south, east, north] = area.bounds
    let made: MapLibre
    try {
      made = new MapLibre({
        container,
        style: mapStyle((south + north) / 2),
        bounds: [west, south, east, north],
        fitBoundsOptions: { padding: margins(latest.current.covered) },
        minZoom: 9,
        maxZoom: 21,
        attributionControl: false,
        pitchWithRotate: false,
        dragRotate: false,
        touchPitch: false,
      })
    } catch {
      latest.current.onBroken()
      return
    }
    made.touchZoomRotate.disableRotation()
    made.addControl(new NavigationControl({ showCompass: false }), 'bottom-left')
    made.addControl(new ScaleControl({ maxWidth: 120 }), 'bottom-left')
    made.once('load', () => setMap(made))
    // For who waits until everything is drawn: screenshots and tests.
    made.on('idle', () => (container.dataset['idle'] = 'true'))
    made.on('movestart', () => busy(made))
    const pick = (event: MapMouseEvent): Selection => {
      const { x, y } = event.point
      const found = made.queryRenderedFeatures(
        [
          [x - REACH_PX, y - REACH_PX],
          [x + REACH_PX, y + REACH_PX],
        ],
        { layers: CLICKABLE },
      )[0]
      const properties = found?.properties
      if (!properties) return null
      return found.layer.id === 'cases'
        ? { kind: 'case', number: String(properties['number']) }
        : { kind: 'sighting', patrol: String(properties['patrol']), id: String(properties['id']) }
    }
    const loaded = (): boolean => made.getLayer('cases') !== undefined
    made.on('click', (event) => {
      const found = loaded() ? pick(event) : null
      if (found) select(found)
    })
    made.on('mousemove', (event) => {
      setCursor([event.lngLat.lng, event.lngLat.lat])
      const found = loaded() ? pick(event) : null
      made.getCanvas().style.cursor = found ? 'pointer' : ''
      const text = found && tip(found, latest.current, speaking.current)
      setHover(text ? { x: event.point.x, y: event.point.y, text } : null)
    })
    made.on('mouseout', () => {
      setHover(null)
      setCursor(null)
    })
    return () => {
      setMap(null)
      made.remove()
    }
  }, [area])

  const icon = useMemo(
    () => (map ? (marker: Parameters<typeof ensureMarker>[1]) => ensureMarker(map, marker) : null),
    [map],
  )

  const put = (source: SourceName, data: FeatureCollection): void => {
    if (!map) return
    map.getSource<GeoJSONSource>(source)?.setData(data)
    busy(map)
  }

  useEffect(() => {
    if (!icon) return
    for (const [source, data] of Object.entries(baseData(area, speech, icon))) {
      put(source as SourceName, data)
    }
    setReady(true)
  }, [icon, area, speech])

  const { cases, colourBy, target } = props
  const number = target?.number ?? null
  useEffect(() => {
    if (icon) put('cases', caseData(cases, number, colourBy, speech, icon))
  }, [icon, cases, number, colourBy, speech])

  const { sightings, loose } = props
  useEffect(() => {
    put('sightings', sightingData(loose, sightings.patrol))
    put(
      'ellipses',
      ellipseData(
        sightings.rows.flatMap(({ geometry, properties: { ellipse, class: violation } }) => {
          const [lon = 0, lat = 0] = geometry.coordinates
          return ellipse ? [{ lon, lat, ellipse, class: violation }] : []
        }),
      ),
    )
  }, [map, sightings, loose])

  const { lanes, track, hiddenSorties } = props
  useEffect(() => {
    put('lanes', lines(lanes, hiddenSorties))
    put('track', lines(track, hiddenSorties))
  }, [map, lanes, track, hiddenSorties])

  const { flight } = props
  const [vehicles, trails] = [flight?.vehicles, flight?.trails]
  useEffect(() => {
    if (!map) return
    put('flown', trails ? trailData(trails) : NOTHING)
    put('vehicles', vehicles ? vehicleData(vehicles, (at) => ensureVehicle(map, at)) : NOTHING)
  }, [map, vehicles, trails])

  const { shown } = props
  useEffect(() => {
    if (!map) return
    for (const [name, layers] of Object.entries(SWITCHES)) {
      const visibility = shown.has(name as SwitchName) ? 'visible' : 'none'
      for (const layer of layers) map.setLayoutProperty(layer, 'visibility', visibility)
    }
    busy(map)
  }, [map, shown])

  useEffect(() => {
    put(
      'selected',
      target
        ? {
            type: 'FeatureCollection',
            features: [
              {
                type: 'Feature',
                geometry: { type: 'Point', coordinates: [target.lon, target.lat] },
                properties: {
                  colour: CLASS_COLOURS[target.class],
                  // A case's pin points at it already.
                  ...(target.number ? { radius: 2, opacity: 1 } : { radius: 11, opacity: 0.2 }),
                },
              },
            ],
          }
        : NOTHING,
    )
    put(
      'selected-ellipse',
      target?.ellipse ? ellipseData([{ ...target, ellipse: target.ellipse }]) : NOTHING,
    )
  }, [map, target])

  const key = target?.key ?? null
  useEffect(() => {
    const place = latest.current.target
    if (!map || !key || !place) return
    busy(map)
    map.flyTo({
      center: [place.lon, place.lat],
      zoom: Math.max(map.getZoom(), NEAR_ZOOM),
      offset: [-latest.current.covered.right / 2, 0],
      duration: window.matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 900,
    })
  }, [map, key])

  const { place } = props
  useEffect(() => {
    if (!map || !place) return
    busy(map)
    const { left, right } = latest.current.covered
    map.easeTo({
      center: [place.lon, place.lat],
      zoom: Math.max(map.getZoom(), PLACE_ZOOM),
      offset: [(left - right) / 2, 0],
      duration: window.matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 600,
    })
  }, [map, place])

  const { fit } = props
  useEffect(() => {
    if (!map || fit === 0) return
    busy(map)
    map.fitBounds(area.bounds, {
      padding: margins(latest.current.covered),
      duration: 600,
    })
  }, [map, fit, area])

  return (
    <>
      <div
        ref={holder}
        className="map-canvas"
        role="application"
        aria-label={t('map.label')}
        data-ready={ready}
      />
      {hover && (
        <div className="map-tip" style={{ left: hover.x, top: hover.y }} aria-hidden="true">
          {hover.text}
        </div>
      )}
      {cursor && (
        <div className="map-cursor" aria-hidden="true">
          {t('map.cursor', { lon: cursor[0].toFixed(6), lat: cursor[1].toFixed(6) })}
        </div>
      )}
    </>
  )
}

/** The map is going to change; `data-idle` comes back once that is drawn. */
function busy(map: MapLibre): void {
  delete map.getContainer().dataset['idle']
  map.triggerRepaint()
}

function tip(
  found: NonNullable<Selection>,
  { cases, loose }: MapViewProps,
  { t }: ReturnType<typeof useSpeech>,
): string | null {
  if (found.kind === 'case') {
    const item = cases.find(({ number }) => number === found.number)
    return item ? `${t(classWord(item.class))} · ${t(`state.${item.state}`)} · ${item.number}` : null
  }
  const row = loose.find(({ properties }) => properties.id === found.id)
  return row ? `${t(classWord(row.properties.class))} · ${t('sighting.nocase')} · ${found.id}` : null
}
