/** Small things that lists and details share. */

import { type ReactNode } from 'react'

import type { Case, State, Violation } from '../api/types'
import { useNow } from '../clock'
import { type Speech, useSpeech } from '../i18n'
import { badgeWord } from '../map/data'
import { CLASS_COLOURS, PHASE_COLOURS, PHASE_OF } from '../theme'

export function Badge({ violation }: { violation: Violation }): ReactNode {
  const { t } = useSpeech()
  return (
    <i className="disc" style={{ background: CLASS_COLOURS[violation] }} aria-hidden="true">
      {t(badgeWord(violation))}
    </i>
  )
}

export function StateTag({ state }: { state: State }): ReactNode {
  const { t } = useSpeech()
  const colour = PHASE_COLOURS[PHASE_OF[state]]
  return (
    <span className="state" style={{ color: colour, borderColor: colour }}>
      {t(`state.${state}`)}
    </span>
  )
}

/** A duration in its two largest units. */
export function duration(ms: number, { t }: Speech): string {
  const s = Math.floor(Math.abs(ms) / 1000)
  const [d, h, m] = [Math.floor(s / 86400), Math.floor(s / 3600), Math.floor(s / 60)]
  if (d >= 2) return t('duration.dh', { d, h: h % 24 })
  if (h >= 1) return t('duration.hm', { h, m: m % 60 })
  return t('duration.ms', { m, s: s % 60 })
}

/** How long the department still has to accept, or by how much it is late; then what came of it.
 * The sign turns here, between two answers of the server, as the clock passes the deadline. */
export function Deadline({ item, long = false }: { item: Case; long?: boolean }): ReactNode {
  const speech = useSpeech()
  const now = useNow()
  const { order, state } = item
  if (!order) return null
  if (order.accepted_at) {
    if (!long && !order.late) return null
    return (
      <span className={order.late ? 'deadline over' : 'deadline'}>
        {speech.t(order.late ? 'deadline.late' : 'deadline.accepted')}
      </span>
    )
  }
  if (state !== 'dispatched') return null
  const left = Date.parse(order.accept_by) - now
  const over = left < 0
  const word = over ? 'deadline.over' : 'deadline.left'
  const className = over ? 'deadline over' : left < 4 * 3600_000 ? 'deadline soon' : 'deadline'
  return (
    <span className={className} title={speech.time(order.accept_by)}>
      {speech.t(long ? `${word}.long` : word, { time: duration(left, speech) })}
    </span>
  )
}

/** A probability, never rounded to a certainty that it is not. */
export function percent(probability: number): string {
  if (probability > 0.99 && probability < 0.9995) return `${(100 * probability).toFixed(1)}%`
  if (probability > 0 && probability < 0.005) return '<1%'
  return `${Math.round(100 * probability)}%`
}
