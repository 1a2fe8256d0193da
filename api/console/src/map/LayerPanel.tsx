import { DownOutlined, UpOutlined } from '@ant-design/icons'
import { Button, Checkbox, Segmented } from 'antd'
import { type ReactNode, useId } from 'react'

import { VIOLATIONS } from '../api/types'
import { useSpeech } from '../i18n'
import { CLASS_COLOURS, OVERDUE, PHASE_COLOURS, PHASES, sortieColour, vehicleColour } from '../theme'
import { badgeWord, classWord, type ColourBy } from './data'
import { NO_FLY, type SwitchName, WATER, ZONE } from './style'

interface Props {
  open: boolean
  onOpen: (open: boolean) => void
  shown: ReadonlySet<SwitchName>
  onShown: (name: SwitchName, visible: boolean) => void
  colourBy: ColourBy
  onColourBy: (by: ColourBy) => void
  sorties: number[]
  hiddenSorties: ReadonlySet<number>
  onSortie: (id: number, visible: boolean) => void
}

/** What a layer looks like, small. */
function Swatch({ name }: { name: SwitchName }): ReactNode {
  const line = (colour: string, dash = '', width = 2): ReactNode => (
    <path d="M1 7H21" stroke={colour} strokeWidth={width} strokeDasharray={dash} />
  )
  const box = (colour: string, opacity: number, dash = ''): ReactNode => (
    <rect
      x="2"
      y="1.5"
      width="18"
      height="11"
      fill={colour}
      fillOpacity={opacity}
      stroke={colour}
      strokeDasharray={dash}
    />
  )
  const shapes: Record<SwitchName, ReactNode> = {
    cases: <circle cx="11" cy="7" r="5.5" fill="#475569" stroke="#fff" />,
    sightings: <circle cx="11" cy="7" r="4" fill="#fff" stroke="#475569" strokeWidth="2" />,
    ellipses: (
      <ellipse cx="11" cy="7" rx="9" ry="5" fill="#475569" fillOpacity=".2" stroke="#475569" />
    ),
    lanes: line(sortieColour(1), '4 2'),
    track: line('#3d4657', '', 1.3),
    flight: line(vehicleColour(1), '', 3),
    rivers: line(WATER, '', 6),
    communities: line('#8c8271', '5 2 1 2', 1.4),
    grids: line('#bdb6a6', '2 2', 1.2),
    zones: box(ZONE, 0.18),
    permitted: box('#8793a3', 0.75),
    launch: <rect x="5.5" y="1.5" width="11" height="11" rx="2" fill="#26334a" />,
    nofly: box(NO_FLY, 0.12, '3 2'),
  }
  return (
    <svg className="swatch" width="22" height="14" viewBox="0 0 22 14" fill="none" aria-hidden="true">
      {shapes[name]}
    </svg>
  )
}

const GROUPS: [string, SwitchName[]][] = [
  ['map.group.findings', ['cases', 'sightings', 'ellipses']],
  ['map.group.patrol', ['lanes', 'track', 'flight']],
  [
    'map.group.base',
    ['rivers', 'communities', 'grids', 'zones', 'permitted', 'launch', 'nofly'],
  ],
]

export function LayerPanel(props: Props): ReactNode {
  const { t } = useSpeech()
  const body = useId()
  const toggle = t(props.open ? 'map.layers.hide' : 'map.layers.show')
  return (
    <section className="layers" aria-label={t('map.layers')}>
      <Button
        type="text"
        className="layers-head"
        aria-expanded={props.open}
        aria-controls={body}
        title={toggle}
        onClick={() => props.onOpen(!props.open)}
      >
        <span>{t('map.layers')}</span>
        {props.open ? <UpOutlined /> : <DownOutlined />}
      </Button>
      <div id={body} className="layers-body" hidden={!props.open}>
        <div className="layers-colour">
          <span id={`${body}-by`}>{t('map.colour')}</span>
          <Segmented<ColourBy>
            size="small"
            aria-labelledby={`${body}-by`}
            value={props.colourBy}
            onChange={props.onColourBy}
            options={[
              { value: 'class', label: t('map.colour.class') },
              { value: 'state', label: t('map.colour.state') },
            ]}
          />
        </div>
        <Legend by={props.colourBy} />
        {GROUPS.map(([word, names]) => (
          <fieldset key={word}>
            <legend>{t(word as 'map.group.base')}</legend>
            {names.map((name) => (
              <div key={name}>
                <Checkbox
                  checked={props.shown.has(name)}
                  onChange={(event) => props.onShown(name, event.target.checked)}
                >
                  <Swatch name={name} />
                  {t(`map.${name}`)}
                </Checkbox>
                {name === 'lanes' && props.sorties.length > 1 && props.shown.has('lanes') && (
                  <div className="layers-sorties">
                    {props.sorties.map((id) => (
                      <Checkbox
                        key={id}
                        checked={!props.hiddenSorties.has(id)}
                        onChange={(event) => props.onSortie(id, event.target.checked)}
                      >
                        <i className="dash" style={{ background: sortieColour(id) }} />
                        {t('map.lanes.sortie', { id })}
                      </Checkbox>
                    ))}
                  </div>
                )}
              </div>
            ))}
          </fieldset>
        ))}
      </div>
    </section>
  )
}

function Legend({ by }: { by: ColourBy }): ReactNode {
  const { t } = useSpeech()
  return (
    <ul className="legend">
      {by === 'class'
        ? VIOLATIONS.map((violation) => (
            <li key={violation}>
              <i className="disc" style={{ background: CLASS_COLOURS[violation] }}>
                {t(badgeWord(violation))}
              </i>
              {t(classWord(violation))}
            </li>
          ))
        : PHASES.map((phase) => (
            <li key={phase}>
              <i
                className={phase === 'done' ? 'disc hollow' : 'disc'}
                style={
                  phase === 'done'
                    ? { borderColor: PHASE_COLOURS[phase] }
                    : { background: PHASE_COLOURS[phase] }
                }
              />
              {t(`legend.${phase}`)}
            </li>
          ))}
      <li>
        <i className="disc ring" style={{ borderColor: OVERDUE }} />
        {t('map.ring.overdue')}
      </li>
      {by === 'class' && (
        <li>
          <i className="disc hollow" style={{ borderColor: '#475569' }} />
          {t('legend.done')}
        </li>
      )}
    </ul>
  )
}
