import { Button, Select } from 'antd'
import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useRef } from 'react'

import { address } from '../api/client'
import { type Case, STATES, type State, VIOLATIONS, type Violation } from '../api/types'
import { useSpeech } from '../i18n'
import { classWord } from '../map/data'
import { select } from '../route'
import { Badge, Deadline, percent, StateTag } from './Bits'
import { type Filter, filtering, NO_FILTER, type Sorting } from './filter'

interface Props {
  /** Those that match, in order, and how many there are in all. */
  cases: Case[]
  total: number
  communities: { code: string; name: string }[]
  communityName: (code: string, name: string) => string
  filter: Filter
  onFilter: (filter: Filter) => void
  sorting: Sorting
  onSorting: (sorting: Sorting) => void
  selected: string | null
  /** Said instead of the list where there is nothing at all. */
  empty: string | null
}

/** Up and down move through a list of buttons; the browser does the rest. */
export function moveThroughList(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (!step) return
  const rows = [...event.currentTarget.querySelectorAll<HTMLButtonElement>('button.row')]
  const at = rows.indexOf(document.activeElement as HTMLButtonElement)
  const next = rows[at + step]
  if (next) {
    next.focus()
    event.preventDefault()
  }
}

/** Keep the row that was selected elsewhere, on the map say, in sight; also when it moves, at
 * `place`, within the list. */
export function useInSight(
  selected: string | null,
  place: number,
): RefObject<HTMLUListElement | null> {
  const list = useRef<HTMLUListElement>(null)
  useEffect(() => {
    list.current?.querySelector('[aria-current="true"]')?.scrollIntoView({ block: 'nearest' })
  }, [selected, place])
  return list
}

export function CaseList(props: Props): ReactNode {
  const { t } = useSpeech()
  const { filter, onFilter } = props
  const place = props.cases.findIndex(({ number }) => number === props.selected)
  const list = useInSight(props.selected, place)
  return (
    <>
      <div className="filters" role="search">
        <Select<Violation | null>
          size="small"
          aria-label={t('filter.class.label')}
          value={filter.violation}
          onChange={(violation) => onFilter({ ...filter, violation })}
          options={[
            { value: null, label: t('filter.class') },
            ...VIOLATIONS.map((value) => ({ value, label: t(classWord(value)) })),
          ]}
        />
        <Select<string | null>
          size="small"
          aria-label={t('filter.community.label')}
          value={filter.community}
          onChange={(community) => onFilter({ ...filter, community })}
          popupMatchSelectWidth={false}
          options={[
            { value: null, label: t('filter.community') },
            ...props.communities.map(({ code, name }) => ({
              value: code,
              label: props.communityName(code, name),
            })),
          ]}
        />
        <Select<State | 'overdue' | null>
          size="small"
          aria-label={t('filter.state.label')}
          value={filter.overdue ? 'overdue' : filter.state}
          onChange={(value) =>
            onFilter({
              ...filter,
              overdue: value === 'overdue',
              state: value === 'overdue' ? null : value,
            })
          }
          popupMatchSelectWidth={false}
          options={[
            { value: null, label: t('filter.state') },
            { value: 'overdue', label: t('filter.overdue') },
            ...STATES.map((value) => ({ value, label: t(`state.${value}`) })),
          ]}
        />
      </div>
      <div className="list-bar">
        <span aria-live="polite">
          {t('filter.count', { shown: props.cases.length, total: props.total })}
        </span>
        {filtering(filter) && (
          <Button type="link" size="small" onClick={() => onFilter(NO_FILTER)}>
            {t('filter.clear')}
          </Button>
        )}
        <Select<Sorting>
          size="small"
          variant="borderless"
          className="sorting"
          aria-label={t('sort.label')}
          value={props.sorting}
          onChange={props.onSorting}
          popupMatchSelectWidth={false}
          options={(['deadline', 'newest', 'community'] as const).map((value) => ({
            value,
            label: t(`sort.${value}`),
          }))}
        />
      </div>
      {props.cases.length === 0 ? (
        <p className="empty">{props.empty ?? t('list.empty')}</p>
      ) : (
        <ul
          ref={list}
          className="rows"
          aria-label={t('list.cases.label')}
          onKeyDown={moveThroughList}
        >
          {props.cases.map((item) => (
            <Row
              key={item.number}
              item={item}
              selected={item.number === props.selected}
              communityName={props.communityName}
            />
          ))}
        </ul>
      )}
    </>
  )
}

interface RowProps {
  item: Case
  selected: boolean
  communityName: Props['communityName']
}

function Row({ item, selected, communityName }: RowProps): ReactNode {
  const { t } = useSpeech()
  const community = item.community
    ? communityName(item.community.code, item.community.name)
    : t('detail.community.outside')
  const unsure = item.community !== null && item.community_probability < 0.95
  return (
    <li>
      <button
        type="button"
        className={item.overdue ? 'row late' : 'row'}
        aria-current={selected}
        onClick={() => select({ kind: 'case', number: item.number })}
      >
        {item.evidence_url ? (
          <img src={address(item.evidence_url)} alt="" loading="lazy" decoding="async" />
        ) : (
          <span className="no-picture" />
        )}
        <span className="row-main">
          <span className="row-line">
            <Badge violation={item.class} />
            <strong>{t(classWord(item.class))}</strong>
            <StateTag state={item.state} />
          </span>
          <span className="row-line quiet">
            <span className="clip">
              {community}
              {unsure && ` ${percent(item.community_probability)}`}
            </span>
          </span>
          <span className="row-line quiet">
            <span className="number">{item.number}</span>
            <Deadline item={item} />
          </span>
        </span>
      </button>
    </li>
  )
}
