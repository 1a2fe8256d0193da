import { type ReactNode } from 'react'

import { evidenceAddress, address } from '../api/client'
import type { Case, Sighting } from '../api/types'
import { useSpeech } from '../i18n'
import { classWord } from '../map/data'
import { keyOf, select, type Selection } from '../route'
import { Badge, percent, StateTag } from './Bits'
import { moveThroughList, useInSight } from './CaseList'

interface Props {
  patrol: string
  rows: Sighting[]
  caseOf: (id: string) => Case | undefined
  selected: Selection
  empty: string
}

/** Everything that the patrol saw: what became a case leads to it. */
export function SightingList({ patrol, rows, caseOf, selected, empty }: Props): ReactNode {
  const { t, time } = useSpeech()
  const key = keyOf(selected)
  const list = useInSight(key, 0)
  if (rows.length === 0) return <p className="empty">{empty}</p>
  return (
    <ul
      ref={list}
      className="rows"
      aria-label={t('list.sightings.label')}
      onKeyDown={moveThroughList}
    >
      {rows.map(({ properties }) => {
        const item = caseOf(properties.id)
        const target: Selection = item
          ? { kind: 'case', number: item.number }
          : { kind: 'sighting', patrol, id: properties.id }
        return (
          <li key={properties.id}>
            <button
              type="button"
              className="row"
              aria-current={keyOf(target) === key}
              onClick={() => select(target)}
            >
              {properties.evidence ? (
                <img
                  src={address(evidenceAddress(patrol, properties.evidence))}
                  alt=""
                  loading="lazy"
                  decoding="async"
                />
              ) : (
                <span className="no-picture" />
              )}
              <span className="row-main">
                <span className="row-line">
                  <Badge violation={properties.class} />
                  <strong>{t(classWord(properties.class))}</strong>
                  {item ? <StateTag state={item.state} /> : <em>{t('sighting.nocase')}</em>}
                </span>
                <span className="row-line quiet">
                  <span className="clip">
                    {t('detail.confidence')} {percent(properties.confidence)} ·{' '}
                    {time(properties.first_seen)}
                  </span>
                </span>
                <span className="row-line quiet">
                  <span className="number">{item?.number ?? properties.id}</span>
                </span>
              </span>
            </button>
          </li>
        )
      })}
    </ul>
  )
}
