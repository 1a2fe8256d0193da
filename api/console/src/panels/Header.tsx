import { Button, Select } from 'antd'
import { type ReactNode } from 'react'

import type { Patrol } from '../api/types'
import { useSpeech } from '../i18n'

/** All patrols together: their cases, but no lanes or sightings. */
export const ALL = ''

interface Totals {
  rivers: number
  km: number
  sightings: number | null
  cases: number
  open: number
  overdue: number
}

interface Props {
  patrols: Patrol[]
  patrol: string
  onPatrol: (id: string) => void
  totals: Totals | null
  onOverdue: () => void
}

function Total({ label, unit, children }: { label: string; unit?: string; children: ReactNode }) {
  return (
    <div className="total">
      <dt>{label}</dt>
      <dd>
        {children}
        {unit && <small> {unit}</small>}
      </dd>
    </div>
  )
}

export function Header({ patrols, patrol, onPatrol, totals, onOverdue }: Props): ReactNode {
  const { t, number, time, toggle } = useSpeech()
  const stage = (row: Patrol): string => {
    if (row.last_seen) return time(row.last_seen)
    if (row.analysed) return t('patrol.stage.analysed')
    if (row.flown) return t('patrol.stage.flown')
    return t(row.planned ? 'patrol.stage.planned' : 'patrol.stage.none')
  }
  const options = patrols.map((row) => ({ value: row.id, label: `${row.id} · ${stage(row)}` }))
  return (
    <header className="header">
      <div className="brand">
        <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
          <rect width="32" height="32" rx="7" fill="#1c7c93" />
          <path
            d="M6 24c6 0 5-6 10-6s4 6 10 6"
            fill="none"
            stroke="#a8e1ee"
            strokeWidth="3"
            strokeLinecap="round"
          />
          <path d="M16 6l4 8h-8z" fill="#fff" />
        </svg>
        <h1>{t('app.title')}</h1>
        <span className="brand-sub">{t('app.subtitle')}</span>
      </div>
      <label className="patrol">
        <span>{t('header.patrol')}</span>
        <Select
          value={patrols.length ? patrol : null}
          onChange={onPatrol}
          placeholder={t('header.patrol.none')}
          popupMatchSelectWidth={false}
          aria-label={t('header.patrol')}
          options={[...options, { value: ALL, label: t('header.patrol.all') }]}
        />
      </label>
      {totals && (
        <dl className="totals">
          <Total label={t('header.rivers')} unit={t('header.km')}>
            {number(totals.km, 1)}
          </Total>
          <Total label={t('header.sightings')}>
            {totals.sightings === null ? '–' : number(totals.sightings)}
          </Total>
          <Total label={t('header.cases')}>{number(totals.cases)}</Total>
          <Total label={t('header.open')}>{number(totals.open)}</Total>
          <Total label={t('header.overdue')}>
            {totals.overdue > 0 ? (
              <button
                type="button"
                className="overdue"
                title={t('header.overdue.show')}
                onClick={onOverdue}
              >
                {number(totals.overdue)}
              </button>
            ) : (
              '0'
            )}
          </Total>
        </dl>
      )}
      <Button
        className="language"
        size="small"
        ghost
        aria-label={t('app.language.label')}
        onClick={toggle}
      >
        {t('app.language')}
      </Button>
    </header>
  )
}
