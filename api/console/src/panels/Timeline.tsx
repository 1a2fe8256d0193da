import { type ReactNode } from 'react'

import type { CaseEvent, Department } from '../api/types'
import { type Speech, useSpeech, type Word } from '../i18n'
import { PHASE_COLOURS, PHASE_OF } from '../theme'

/** The actor of steps that a rule took. */
const AUTO = 'auto'

interface Props {
  events: CaseEvent[]
  departments: Department[]
}

/** What the step says of itself, one line each. */
function facts(event: CaseEvent, departments: Department[], speech: Speech): string[] {
  const { t, name, time } = speech
  const said: string[] = []
  const { order, reason, note, rule } = event.details
  if (order && typeof order === 'object') {
    const { department, accept_by } = order as { department?: unknown; accept_by?: unknown }
    const found = departments.find(({ code }) => code === department)
    if (found) said.push(t('event.department', { name: name(found) }))
    if (typeof accept_by === 'string') {
      said.push(t('event.deadline', { time: time(accept_by) }))
    }
  }
  if (typeof reason === 'string') said.push(t('event.reason', { text: reason }))
  if (typeof note === 'string') said.push(t('event.note', { text: note }))
  if (typeof rule === 'string') said.push(t('event.rule', { text: rule }))
  return said
}

export function Timeline({ events, departments }: Props): ReactNode {
  const speech = useSpeech()
  const { t, time } = speech
  return (
    <ol className="timeline">
      {[...events].reverse().map((event) => (
        <li key={event.index} style={{ '--dot': PHASE_COLOURS[PHASE_OF[event.to_state]] } as never}>
          <div className="timeline-head">
            <strong>{t(`state.${event.to_state}` as Word)}</strong>
            <span>{event.actor === AUTO ? t('event.auto') : event.actor}</span>
            <time dateTime={event.at}>{time(event.at)}</time>
          </div>
          {facts(event, departments, speech).map((fact) => (
            <p key={fact}>{fact}</p>
          ))}
          <p className="hash" title={event.hash}>
            {t('detail.hash', { index: event.index, hash: event.hash.slice(0, 12) })}
          </p>
        </li>
      ))}
    </ol>
  )
}
