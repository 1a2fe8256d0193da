import { CloseOutlined, CopyOutlined } from '@ant-design/icons'
import { App, Button, Skeleton } from 'antd'
import { type ReactNode, useEffect, useRef } from 'react'

import { address, type ApiError, evidenceAddress } from '../api/client'
import type { CaseDetail, Department, Ellipse, Share, Sighting, Violation } from '../api/types'
import { useSpeech } from '../i18n'
import { classWord } from '../map/data'
import { Badge, Deadline, percent, StateTag } from './Bits'
import { Evidence } from './Evidence'
import { StepForm } from './StepForm'
import { Timeline } from './Timeline'

interface FrameProps {
  kind: 'detail.case' | 'detail.sighting'
  id: string
  onClose: () => void
  children: ReactNode
  head?: ReactNode
}

/** The panel around the details: it takes the focus when it opens, and Esc closes it. */
export function Frame({ kind, id, onClose, children, head }: FrameProps): ReactNode {
  const { t } = useSpeech()
  const { message } = App.useApp()
  const title = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    const before = document.activeElement
    const panel = title.current?.closest('.detail')
    title.current?.focus({ preventScroll: true })
    return () => {
      // Back to the row that opened it, unless the focus went elsewhere meanwhile.
      const held = panel?.contains(document.activeElement) || document.activeElement === document.body
      if (held && before instanceof HTMLElement) before.focus({ preventScroll: true })
    }
  }, [id])
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape') return
      // Esc belongs to what lies on top: the large picture, or a list that is open.
      const above = [...document.querySelectorAll('.ant-image-preview, .ant-select-open')]
      if (!above.some((element) => element.checkVisibility())) onClose()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [onClose])
  const copy = (): void => {
    void navigator.clipboard?.writeText(id).then(() => message.success(t('detail.copied')))
  }
  return (
    <aside className="detail" aria-label={t('detail.label')}>
      <div className="detail-head">
        <div>
          <h2 ref={title} tabIndex={-1}>
            <small>{t(kind)}</small> {id}
          </h2>
          <Button
            type="text"
            size="small"
            icon={<CopyOutlined />}
            aria-label={`${t('detail.copy')} ${id}`}
            onClick={copy}
          />
        </div>
        {head}
        <Button
          type="text"
          className="detail-close"
          icon={<CloseOutlined />}
          aria-label={t('detail.close')}
          title={t('detail.close')}
          onClick={onClose}
        />
      </div>
      <div className="detail-body">{children}</div>
    </aside>
  )
}

function Facts({ rows }: { rows: [string, ReactNode][] }): ReactNode {
  return (
    <dl className="facts">
      {rows.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

interface Seen {
  class: Violation
  confidence: number
  lon: number
  lat: number
  ellipse?: Ellipse | undefined
  first_seen: string
  last_seen: string
  views: number
}

function useSeenRows(seen: Seen | null): [string, ReactNode][] {
  const { t, number, time } = useSpeech()
  if (!seen) return []
  const { ellipse } = seen
  const ellipseText = ({ semi_major_m, semi_minor_m, bearing_deg }: Ellipse): string =>
    t('detail.ellipse.value', {
      major: number(semi_major_m, 1),
      minor: number(semi_minor_m, 1),
      bearing: number(((bearing_deg % 180) + 180) % 180),
    })
  return [
    [t('detail.confidence'), percent(seen.confidence)],
    [
      t('detail.position'),
      <>
        <span className="number">
          {seen.lon.toFixed(6)}, {seen.lat.toFixed(6)}
        </span>
        <small>{t('detail.position.note')}</small>
      </>,
    ],
    ...(ellipse
      ? [[t('detail.ellipse'), ellipseText(ellipse)] as [string, ReactNode]]
      : []),
    [
      t('detail.seen'),
      <>
        {time(seen.first_seen)} <small>{t('detail.views', { n: seen.views })}</small>
      </>,
    ],
  ]
}

function Communities(props: {
  shares: Share[]
  name: (code: string, name: string) => string
}): ReactNode {
  const { t } = useSpeech()
  const likely = props.shares.filter(({ probability }) => probability >= 0.005)
  return (
    <>
      <ul className="shares">
        {likely.map((share) => (
          <li key={share.code ?? ''}>
            <span className="share-name">
              {share.code ? props.name(share.code, share.name) : t('detail.community.outside')}
            </span>
            <span className="share-bar" aria-hidden="true">
              <i style={{ width: `${100 * share.probability}%` }} />
            </span>
            <span className="number">{percent(share.probability)}</span>
          </li>
        ))}
      </ul>
      {(likely[0]?.probability ?? 1) < 0.95 && (
        <p className="hint">{t('detail.community.unsure')}</p>
      )}
    </>
  )
}

export interface CaseViewProps {
  number: string
  item: CaseDetail | null
  error: ApiError | null
  departments: Department[]
  communityName: (code: string, name: string) => string
  riverName: (code: string | null, name: string | null) => string | null
  onChanged: (item: CaseDetail) => void
  onClose: () => void
}

export function CaseView(props: CaseViewProps): ReactNode {
  const { t, name, time } = useSpeech()
  const { number, item, error, departments } = props
  const seen = useSeenRows(item?.report ?? null)
  if (!item) {
    return (
      <Frame kind="detail.case" id={number} onClose={props.onClose}>
        {error ? (
          <p className="problem" role="alert">
            {error.status === 404
              ? t('detail.missing', { number })
              : error.status === 0
                ? t('error.unreachable.empty')
                : t('error.server', { status: error.status, detail: error.detail })}
          </p>
        ) : (
          <Skeleton active paragraph={{ rows: 8 }} />
        )}
      </Frame>
    )
  }
  const { report, order } = item
  const river = props.riverName(report.river, report.river_name)
  const facts: [string, ReactNode][] = [
    ...seen,
    ...(river ? [[t('detail.river'), river] as [string, ReactNode]] : []),
    ...(report.grid ? [[t('detail.grid'), report.grid] as [string, ReactNode]] : []),
    [t('detail.suspicion'), report.suspicion],
    [t('detail.patrol'), `${report.patrol} · ${report.sighting}`],
  ]
  return (
    <Frame
      kind="detail.case"
      id={number}
      onClose={props.onClose}
      head={
        <div className="detail-sub">
          <Badge violation={item.class} />
          <strong>{t(classWord(item.class))}</strong>
          <StateTag state={item.state} />
          <Deadline item={item} long />
        </div>
      }
    >
      <Evidence
        src={report.evidence_url ? address(report.evidence_url) : null}
        alt={`${t('detail.evidence')} ${number}`}
      />
      <section>
        <h3>{t('step.title')}</h3>
        <StepForm item={item} departments={departments} onDone={props.onChanged} />
      </section>
      <section>
        <h3>{t('detail.order')}</h3>
        {order ? (
          <Facts
            rows={[
              [t('detail.order.number'), <span className="number">{order.number}</span>],
              [
                t('detail.order.department'),
                name({ name: order.department_name, name_en: order.department_name_en }),
              ],
              [t('detail.order.dispatched'), time(order.dispatched_at)],
              [
                t('detail.order.deadline'),
                <span className={item.overdue ? 'over' : undefined}>{time(order.accept_by)}</span>,
              ],
              ...(order.accepted_at
                ? [[t('detail.order.accepted'), time(order.accepted_at)] as [string, ReactNode]]
                : []),
            ]}
          />
        ) : (
          <p className="quiet">{t('detail.order.none')}</p>
        )}
      </section>
      <section>
        <h3>{t('detail.community')}</h3>
        <Communities shares={report.communities} name={props.communityName} />
      </section>
      <section>
        <h3>{t('detail.sighting')}</h3>
        <Facts rows={facts} />
      </section>
      <section>
        <h3>{t('detail.timeline')}</h3>
        <Timeline events={item.events} departments={departments} />
      </section>
    </Frame>
  )
}

export interface SightingViewProps {
  patrol: string
  id: string
  sighting: Sighting | null
  /** The layer is there, so that a sighting not found is not in it. */
  known: boolean
  onClose: () => void
}

/** A sighting that has no case: a permitted structure, say. */
export function SightingView(props: SightingViewProps): ReactNode {
  const { t } = useSpeech()
  const { patrol, id, sighting, known } = props
  const [lon = 0, lat = 0] = sighting?.geometry.coordinates ?? []
  const rows = useSeenRows(sighting ? { ...sighting.properties, lon, lat } : null)
  return (
    <Frame
      kind="detail.sighting"
      id={id}
      onClose={props.onClose}
      head={
        sighting && (
          <div className="detail-sub">
            <Badge violation={sighting.properties.class} />
            <strong>{t(classWord(sighting.properties.class))}</strong>
            <em>{t('sighting.nocase')}</em>
          </div>
        )
      }
    >
      {sighting ? (
        <>
          <Evidence
            src={
              sighting.properties.evidence
                ? address(evidenceAddress(patrol, sighting.properties.evidence))
                : null
            }
            alt={`${t('detail.evidence')} ${id}`}
          />
          <section>
            <Facts rows={[...rows, [t('detail.patrol'), patrol]]} />
          </section>
        </>
      ) : known ? (
        <p className="problem" role="alert">
          {t('detail.missing.sighting', { id })}
        </p>
      ) : (
        <Skeleton active />
      )}
    </Frame>
  )
}
