import {
  CaretRightOutlined,
  PauseOutlined,
  RollbackOutlined,
  StepForwardOutlined,
  VerticalAlignBottomOutlined,
} from '@ant-design/icons'
import { App, Button, Checkbox, Popconfirm } from 'antd'
import { type ReactNode, useEffect, useRef, useState } from 'react'

import { ApiError, command } from '../api/client'
import type { Action, FlightEvent, FlightVehicle, Position } from '../api/types'
import { useNow } from '../clock'
import type { Flight } from '../flight/fold'
import { type Speech, useSpeech, type Word } from '../i18n'
import { OVERDUE, vehicleColour } from '../theme'

const STALE_S = 5
const ANSWER_MS = 10_000
/** Every vehicle answers a command to all. */
const OTHERS_MS = 600
const LOW_BATTERY_PCT = 25

/** What may be asked of a vehicle in this state; the flight itself has the last word. */
const MAY: Record<string, Action[]> = {
  checking: ['return'],
  loading: ['return'],
  arming: ['return'],
  takeoff: ['pause', 'return', 'land'],
  mission: ['pause', 'skip', 'return', 'land'],
  paused: ['resume', 'skip', 'return', 'land'],
  returning: ['land'],
  lost: ['return', 'land'],
}
const ALL_ACTIONS: Action[] = ['pause', 'resume', 'return', 'land']
const IN_THE_AIR = ['takeoff', 'mission', 'paused', 'returning', 'landing', 'lost', 'pilot']
const BAD = ['lost', 'pilot']
const STATES = [
  'checking',
  'loading',
  'arming',
  'takeoff',
  'mission',
  'paused',
  'returning',
  'landing',
  'landed',
  'lost',
  'pilot',
  'done',
] as const
const ICONS: Record<Action, ReactNode> = {
  pause: <PauseOutlined />,
  resume: <CaretRightOutlined />,
  skip: <StepForwardOutlined />,
  return: <RollbackOutlined />,
  land: <VerticalAlignBottomOutlined />,
}

interface Props {
  patrol: string
  flight: Flight
  onLocate: (place: { lon: number; lat: number }) => void
}

type Tell = (action: Action, vehicle: number | null) => void

function stateName(state: string, { t }: Speech): string {
  const known = STATES.find((name) => name === state)
  return known ? t(`flight.state.${known}`) : state
}

function mayOf(row: FlightVehicle): Action[] {
  return (row.state && MAY[row.state.state]) || []
}

function severity(level: string): 'bad' | 'warned' | '' {
  if (['emergency', 'alert', 'critical', 'error'].includes(level)) return 'bad'
  return level === 'warning' ? 'warned' : ''
}

/** Commands that were sent; each is told of once, as it is answered or is not. */
function useCommands(patrol: string, { answers }: Flight): [ReadonlySet<string>, Tell] {
  const { t } = useSpeech()
  const { message } = App.useApp()
  const [waiting, setWaiting] = useState<ReadonlySet<string>>(new Set<string>())
  const sent = useRef(new Map<string, { key: string; who: string; action: string }>())
  const latest = useRef(answers)
  latest.current = answers

  const over = (key: string): void =>
    setWaiting((now) => new Set([...now].filter((other) => other !== key)))

  useEffect(() => {
    for (const { command: id, vehicle } of answers) {
      const known = sent.current.get(id)
      if (!known) continue
      sent.current.delete(id)
      over(known.key)
      const { who, action } = known
      window.setTimeout(
        () => {
          const all = latest.current.filter((answer) => answer.command === id)
          const obeyed = all.filter(({ ok }) => ok)
          const said = new Set((obeyed.length > 0 ? obeyed : all).map(({ text }) => text))
          const words = { who, action, text: [...said].join('; ') }
          if (obeyed.length > 0) void message.success(t('flight.command.done', words))
          else void message.error(t('flight.command.failed', words), 8)
        },
        vehicle === null ? OTHERS_MS : 0,
      )
    }
  }, [answers, message, t])

  const tell: Tell = (verb, vehicle) => {
    const key = `${verb} ${vehicle ?? 0}`
    const who = vehicle === null ? t('flight.all') : t('flight.vehicle', { n: vehicle })
    const action = t(`flight.${verb}`)
    setWaiting((now) => new Set([...now, key]))
    command(patrol, verb, vehicle)
      .then(({ id }) => {
        sent.current.set(id, { key, who, action })
        window.setTimeout(() => {
          if (!sent.current.delete(id)) return
          over(key)
          void message.warning(t('flight.command.silent', { who, action }), 8)
        }, ANSWER_MS)
      })
      .catch((error: unknown) => {
        over(key)
        const text = error instanceof ApiError && error.detail
        void message.error(
          t('flight.command.failed', { who, action, text: text || t('error.unreachable.empty') }),
          8,
        )
      })
  }
  return [waiting, tell]
}

/** The flight as it goes: each vehicle with what it may be told, and what has happened. */
export function FlightPanel({ patrol, flight, onLocate }: Props): ReactNode {
  const { t } = useSpeech()
  const [waiting, tell] = useCommands(patrol, flight)
  const flying = flight.vehicles.filter((row) => mayOf(row).length > 0)
  return (
    <section className="flight" aria-label={t('flight.label')}>
      <Head flight={flight} />
      <Stale flight={flight} />
      {flight.running && flying.length > 1 && (
        <div className="flight-all">
          <span>{t('flight.all.short')}</span>
          <Commands
            actions={ALL_ACTIONS.filter((action) =>
              flying.some((row) => mayOf(row).includes(action)),
            )}
            may={(action) => flying.some((row) => mayOf(row).includes(action))}
            vehicle={null}
            who={t('flight.all')}
            waiting={waiting}
            tell={tell}
          />
        </div>
      )}
      <ul className="vehicles">
        {flight.vehicles.map((row) => (
          <Vehicle
            key={row.vehicle}
            row={row}
            running={flight.running}
            site={flight.head?.sorties.find(({ id }) => id === row.state?.sortie)?.launch_site}
            waiting={waiting}
            tell={tell}
            onLocate={onLocate}
          />
        ))}
      </ul>
      <Events events={flight.events} />
    </section>
  )
}

function Head({ flight }: { flight: Flight }): ReactNode {
  const { t, time } = useSpeech()
  const { end, head, running } = flight
  const share = end?.seen_share
  return (
    <div className="flight-head" role="status">
      <strong className={running && !end ? 'live' : end?.code === 0 ? 'whole' : 'bad'}>
        {end
          ? end.code === 0
            ? t('flight.complete')
            : t('flight.ended', { outcome: end.outcome })
          : t(running ? 'flight.running' : 'flight.cut')}
      </strong>
      <span className="quiet">
        {[
          head?.simulated && t('flight.simulated'),
          head?.started && t('flight.started', { time: time(head.started) }),
          typeof share === 'number' && t('flight.seen', { share: `${(100 * share).toFixed(1)}%` }),
        ]
          .filter(Boolean)
          .join(' · ')}
      </span>
    </div>
  )
}

/** Says so when a flight that should be talking is not: the stream is cut, or its program hangs
 * while a vehicle is in the air. */
function Stale({ flight }: { flight: Flight }): ReactNode {
  const { t } = useSpeech()
  useNow() // once a second
  if (!flight.running) return null
  const cut = (Date.now() - flight.heardMs) / 1000
  const airborne = flight.vehicles.some(({ state }) => state && IN_THE_AIR.includes(state.state))
  const silent = Math.max(cut, airborne && !flight.end ? flight.quietS + cut : 0)
  if (silent <= STALE_S) return null
  return (
    <p className="problem flight-stale" role="alert">
      {t('flight.stale', { s: Math.floor(silent) })}
    </p>
  )
}

interface VehicleProps {
  row: FlightVehicle
  running: boolean
  site: string | null | undefined
  waiting: ReadonlySet<string>
  tell: Tell
  onLocate: Props['onLocate']
}

function Vehicle({ row, running, site, waiting, tell, onLocate }: VehicleProps): ReactNode {
  const speech = useSpeech()
  const { t } = speech
  const { vehicle, state, position } = row
  const who = t('flight.vehicle', { n: vehicle })
  const colour = vehicleColour(vehicle)
  const sortie = state?.sortie ?? position?.sortie
  const may = mayOf(row)
  const stateColour = state && BAD.includes(state.state) ? OVERDUE : colour
  return (
    <li className="vehicle" style={{ '--vehicle': colour } as never} aria-label={who}>
      <div className="vehicle-head">
        <button
          type="button"
          className="vehicle-number"
          title={t('flight.locate', { n: vehicle })}
          aria-label={t('flight.locate', { n: vehicle })}
          disabled={!position}
          onClick={() => position && onLocate({ lon: position.lon, lat: position.lat })}
        >
          {vehicle}
        </button>
        <strong className="clip">
          {who}
          {typeof sortie === 'number' && (
            <small>
              {t('flight.sortie', { id: sortie })}
              {site && ` · ${site}`}
            </small>
          )}
        </strong>
        {position && running && <Recording on={position.recording === true} />}
        <span className="state" style={{ color: stateColour, borderColor: stateColour }}>
          {state ? stateName(state.state, speech) : t('flight.waits')}
        </span>
      </div>
      {state?.text && <p className="vehicle-text">{state.text}</p>}
      {position && <Facts at={position} running={running} />}
      {position && <Progress at={position} vehicle={vehicle} />}
      {running && may.length > 0 && (
        <Commands
          actions={[state?.state === 'paused' ? 'resume' : 'pause', 'skip', 'return', 'land']}
          may={(action) => may.includes(action)}
          vehicle={vehicle}
          who={who}
          waiting={waiting}
          tell={tell}
        />
      )}
    </li>
  )
}

function Recording({ on }: { on: boolean }): ReactNode {
  const { t } = useSpeech()
  return (
    <span className={on ? 'recording on' : 'recording'}>
      {t(on ? 'flight.recording' : 'flight.recording.off')}
    </span>
  )
}

function Facts({ at, running }: { at: Position; running: boolean }): ReactNode {
  const { t, number } = useSpeech()
  const silent = running && at.link === 'silent'
  const link = t(silent ? 'flight.link.silent' : 'flight.link.ok')
  const low = at.battery_pct !== null && at.battery_pct < LOW_BATTERY_PCT
  const value = (it: number | null, digits: number, unit: string): string =>
    typeof it === 'number' ? `${number(it, digits)} ${unit}` : '–'
  const rows: [Word, string, boolean][] = [
    ['flight.mode', at.mode ?? '–', false],
    ['flight.battery', value(at.battery_pct, 0, '%'), low],
    ['flight.height', value(at.above_launch_m, 0, 'm'), false],
    ['flight.speed', value(at.ground_speed_m_s, 1, 'm/s'), false],
    ['flight.link', running ? link : '–', silent],
  ]
  return (
    <dl className="vehicle-facts">
      {rows.map(([word, text, bad]) => (
        <div key={word}>
          <dt>{t(word)}</dt>
          <dd className={bad ? 'over' : ''}>{text}</dd>
        </div>
      ))}
    </dl>
  )
}

function Progress({ at, vehicle }: { at: Position; vehicle: number }): ReactNode {
  const { t, number } = useSpeech()
  const { flown_m: flown, planned_m: planned, item, items } = at
  if (typeof flown !== 'number' || !planned) return null
  const share = Math.min(100, (100 * flown) / planned)
  return (
    <div className="vehicle-progress">
      <div
        className="vehicle-bar"
        role="progressbar"
        aria-label={t('flight.progress', { n: vehicle })}
        aria-valuenow={Math.round(share)}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <i style={{ width: `${share}%` }} />
      </div>
      <span>
        {t('flight.flown', { flown: number(flown / 1000, 2), planned: number(planned / 1000, 2) })}
      </span>
      {typeof item === 'number' && typeof items === 'number' && (
        <span>{t('flight.item', { item, items })}</span>
      )}
    </div>
  )
}

interface CommandsProps {
  actions: Action[]
  may: (action: Action) => boolean
  vehicle: number | null
  who: string
  waiting: ReadonlySet<string>
  tell: Tell
}

function Commands({ actions, may, vehicle, who, waiting, tell }: CommandsProps): ReactNode {
  const { t } = useSpeech()
  return (
    <div className="commands">
      {actions.map((action) => {
        const button = (
          <Button
            key={action}
            size="small"
            icon={ICONS[action]}
            danger={action === 'land'}
            disabled={!may(action)}
            loading={waiting.has(`${action} ${vehicle ?? 0}`)}
            title={t(action === 'skip' ? 'flight.skip.long' : `flight.${action}`)}
            {...(action === 'land' ? {} : { onClick: () => tell(action, vehicle) })}
          >
            {t(`flight.${action}`)}
          </Button>
        )
        if (action !== 'land') return button
        return (
          <Popconfirm
            key={action}
            title={t('flight.land.sure', { who })}
            okText={t('flight.land.yes')}
            okButtonProps={{ danger: true }}
            cancelText={t('flight.cancel')}
            disabled={!may(action)}
            onConfirm={() => tell(action, vehicle)}
          >
            {button}
          </Popconfirm>
        )
      })}
    </div>
  )
}

function Events({ events }: { events: FlightEvent[] }): ReactNode {
  const { t, clock } = useSpeech()
  const [warnings, setWarnings] = useState(false)
  const shown = events.filter(({ level }) => !warnings || severity(level)).reverse()
  return (
    <>
      <div className="events-head">
        <h3>{t('flight.events')}</h3>
        <Checkbox checked={warnings} onChange={(event) => setWarnings(event.target.checked)}>
          {t('flight.events.warnings')}
        </Checkbox>
      </div>
      {shown.length === 0 ? (
        <p className="quiet events-none">{t('flight.events.none')}</p>
      ) : (
        <ol className="events" aria-label={t('flight.events')}>
          {shown.map(({ n, time, sortie, level, text }) => (
            <li key={n} className={severity(level)}>
              <time dateTime={time ?? ''}>{time ? clock(time) : ''}</time>
              <span>
                {typeof sortie === 'number' && <b>{t('flight.sortie', { id: sortie })}</b>} {text}
              </span>
            </li>
          ))}
        </ol>
      )}
    </>
  )
}
