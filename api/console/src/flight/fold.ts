/** What a flight has told so far, from the API's state and then line by line from its stream. */

import type {
  Answer,
  FlightEnd,
  FlightEvent,
  FlightHead,
  FlightNow,
  FlightState,
  FlightVehicle,
  Position,
  Trail,
} from '../api/types'

export const KINDS = ['flight', 'state', 'position', 'event', 'answer', 'end'] as const
export type Kind = (typeof KINDS)[number]

const MOST_EVENTS = 200
const MOST_ANSWERS = 50

export interface Flight {
  running: boolean
  head: FlightHead | null
  vehicles: FlightVehicle[]
  /** Oldest first. */
  events: FlightEvent[]
  trails: Trail[]
  answers: Answer[]
  end: FlightEnd | null
  /** Seconds for which the flight had told nothing when that was last heard of. */
  quietS: number
  /** When the server last said anything, on this machine's clock. */
  heardMs: number
}

export function begun(now: FlightNow): Flight {
  return {
    running: now.running,
    head: now.flight,
    vehicles: now.vehicles,
    events: now.events,
    trails: now.trails,
    answers: [],
    end: now.end,
    quietS: now.quiet_s ?? 0,
    heardMs: Date.now(),
  }
}

function replaced(flight: Flight, vehicle: number, part: Partial<FlightVehicle>): FlightVehicle[] {
  const old = flight.vehicles.find((row) => row.vehicle === vehicle)
  const now = { vehicle, state: null, position: null, ...old, ...part }
  if (old) return flight.vehicles.map((row) => (row === old ? now : row))
  return [...flight.vehicles, now].sort((a, b) => a.vehicle - b.vehicle)
}

/** The trail grows in place: it has thousands of points, and whoever draws it copies it. */
function grown(trails: Trail[], { vehicle, sortie, lon, lat }: Position): Trail[] {
  const known = trails.find((trail) => trail.vehicle === vehicle && trail.sortie === sortie)
  if (!known) return [...trails, { vehicle, sortie, line: [[lon, lat]] }]
  const last = known.line.at(-1)
  if (!last || last[0] !== lon || last[1] !== lat) known.line.push([lon, lat])
  return trails
}

/** The flight after one more line. */
export function told(flight: Flight, kind: Kind, row: unknown): Flight {
  switch (kind) {
    case 'flight': {
      const head = row as FlightHead & { n: number }
      const vehicles = Array.from({ length: Math.min(head.vehicles, 100) }, (_, i) => ({
        vehicle: i + 1,
        state: null,
        position: null,
      }))
      // A first line is of a new flight; a later one of a flight that was taken over.
      const fresh = { events: [], trails: [], answers: [], vehicles }
      return { ...flight, ...(head.n === 0 ? fresh : {}), head, end: null }
    }
    case 'state': {
      const state = row as FlightState
      return { ...flight, vehicles: replaced(flight, state.vehicle, { state }) }
    }
    case 'position': {
      const position = row as Position
      if (typeof position.lon !== 'number' || typeof position.lat !== 'number') return flight
      return {
        ...flight,
        vehicles: replaced(flight, position.vehicle, { position }),
        trails: grown(flight.trails, position),
      }
    }
    case 'event':
      return { ...flight, events: [...flight.events, row as FlightEvent].slice(-MOST_EVENTS) }
    case 'answer':
      return { ...flight, answers: [...flight.answers, row as Answer].slice(-MOST_ANSWERS) }
    case 'end':
      return { ...flight, end: row as FlightEnd }
  }
}
