/** The JSON of the API, as api/schemas.py defines it. Times are ISO 8601 in UTC; positions are
 * WGS-84 degrees, longitude first. */

import type { Feature, FeatureCollection, Geometry, LineString, Point, Polygon } from 'geojson'

export const VIOLATIONS = ['outfall', 'discharge', 'structure', 'floating_waste'] as const
export type Violation = (typeof VIOLATIONS)[number]

export const STATES = [
  'reported',
  'registered',
  'dispatched',
  'accepted',
  'handled',
  'verified',
  'closed',
  'returned',
] as const
export type State = (typeof STATES)[number]

export interface Department {
  code: string
  name: string
  name_en: string
  handles: string[]
}

export interface Named {
  code: string
  name: string
  name_en?: string
}

export interface AreaLayers {
  rivers: FeatureCollection<LineString, Named & { width_m: number }>
  communities: FeatureCollection<Polygon, Named>
  grids: FeatureCollection<Polygon, Named>
  management_zones: FeatureCollection<Polygon, Named & { river: string }>
  permitted_structures: FeatureCollection<Polygon, Named & { kind?: string; permit?: string }>
  launch_sites: FeatureCollection<Point, Named>
  no_fly_zones: FeatureCollection<Polygon, Named & { reason?: string }>
}

export interface Area {
  name: string
  bounds: [number, number, number, number]
  layers: AreaLayers
  departments: Department[]
  accept_hours: number
}

export interface Sortie {
  id: number
  launch_site: string
  launch: [number, number]
  length_m: number
  duration_s: number
  energy_wh: number
  waypoints: number
}

export interface Patrol {
  id: string
  planned: boolean
  flown: boolean
  analysed: boolean
  sightings: number | null
  cases: number
  first_seen: string | null
  last_seen: string | null
}

export interface PatrolDetail extends Patrol {
  plan: {
    area: string
    camera: string
    gsd_m: number
    height_agl_m: number
    speed_m_s: number
    lanes: number
    sorties: Sortie[]
  } | null
}

/** 95 %; the bearing is of the major axis, clockwise from north. */
export interface Ellipse {
  semi_major_m: number
  semi_minor_m: number
  bearing_deg: number
}

export interface SightingProperties {
  id: string
  class: Violation
  confidence: number
  ellipse?: Ellipse
  first_seen: string
  last_seen: string
  views: number
  evidence?: string
}
export type Sighting = Feature<Point, SightingProperties>

export interface Order {
  number: string
  department: string
  department_name: string
  department_name_en: string
  dispatched_at: string
  accept_by: string
  accepted_at: string | null
  overdue: boolean
  late: boolean
}

export interface Share {
  code: string | null
  name: string
  probability: number
}

export interface Report {
  patrol: string
  sighting: string
  class: Violation
  confidence: number
  lon: number
  lat: number
  ellipse: Ellipse
  communities: Share[]
  grid: string | null
  river: string | null
  river_name: string | null
  first_seen: string
  last_seen: string
  views: number
  suspicion: string
  evidence_sha256: string | null
  evidence_url: string | null
}

export interface CaseEvent {
  index: number
  step: string
  actor: string
  at: string
  from_state: State | null
  to_state: State
  details: Record<string, unknown>
  hash: string
  previous: string
}

export interface Case {
  number: string
  class: Violation
  state: State
  to_review: boolean
  overdue: boolean
  lon: number
  lat: number
  confidence: number
  community: { code: string; name: string } | null
  community_probability: number
  grid: string | null
  river: string | null
  river_name: string | null
  patrol: string
  sighting: string
  opened_at: string
  changed_at: string
  order: Order | null
  evidence_url: string | null
}

export interface CaseDetail extends Case {
  report: Report
  events: CaseEvent[]
  allowed_steps: string[]
}

export interface CasePage {
  total: number
  limit: number
  offset: number
  items: Case[]
}

export interface Summary {
  at: string
  patrols: number
  cases: number
  open: number
  overdue: number
  to_review: number
  ledger_entries: number
  ledger_head: string
}

export const ACTIONS = ['pause', 'resume', 'skip', 'return', 'land'] as const
export type Action = (typeof ACTIONS)[number]

export interface FlightHead {
  id: string
  vehicles: number
  simulated: boolean
  sorties: { id: number; launch_site: string | null; planned_m: number | null }[]
  started: string | null
}

export interface FlightState {
  vehicle: number
  sortie: number | null
  time: string | null
  state: string
  text: string
}

/** Null, or nothing in the stream, is what the vehicle has not told. */
export interface Position {
  vehicle: number
  sortie: number | null
  time: string | null
  lon: number
  lat: number
  above_launch_m: number | null
  yaw_deg: number | null
  ground_speed_m_s: number | null
  battery_pct: number | null
  mode: string | null
  armed: boolean | null
  item: number | null
  items: number | null
  flown_m: number | null
  planned_m: number | null
  recording: boolean | null
  link: string | null
}

export interface FlightEvent {
  n: number
  vehicle: number | null
  sortie: number | null
  time: string | null
  level: string
  text: string
}

export interface FlightEnd {
  outcome: string
  code: number
  seen_share: number | null
}

export interface FlightVehicle {
  vehicle: number
  state: FlightState | null
  position: Position | null
}

export interface Trail {
  vehicle: number
  sortie: number | null
  line: [number, number][]
}

export interface FlightNow {
  running: boolean
  flight: FlightHead | null
  vehicles: FlightVehicle[]
  events: FlightEvent[]
  trails: Trail[]
  end: FlightEnd | null
  quiet_s: number | null
  cursor: string
}

/** In the stream only: what came of a command. */
export interface Answer {
  command: string
  vehicle: number | null
  ok: boolean
  text: string
}

export type Layer = FeatureCollection<Geometry>
