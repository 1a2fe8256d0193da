/** Colours of meaning, shared by the map, the lists and the legend. */

import type { State, Violation } from './api/types'

export const CLASS_COLOURS: Record<Violation, string> = {
  outfall: '#0f766e',
  discharge: '#7c3aed',
  structure: '#b45309',
  floating_waste: '#4d7c0f',
}

export const OVERDUE = '#d3222a'

/** States as the office thinks of them: who has to do something now. */
export const PHASES = ['review', 'waiting', 'working', 'returned', 'done'] as const
export type Phase = (typeof PHASES)[number]

export const PHASE_COLOURS: Record<Phase, string> = {
  review: '#a16207',
  waiting: '#c2410c',
  working: '#1d5fd0',
  returned: '#9d174d',
  done: '#64748b',
}

export const PHASE_OF: Record<State, Phase> = {
  reported: 'review',
  registered: 'waiting',
  dispatched: 'waiting',
  accepted: 'working',
  handled: 'working',
  verified: 'done',
  closed: 'done',
  returned: 'returned',
}

const VEHICLES = ['#0b5fd0', '#c2185b', '#e8590c', '#1b7f3b', '#6a3fc4', '#00838f']

export function vehicleColour(vehicle: number): string {
  return VEHICLES[(Math.max(1, vehicle) - 1) % VEHICLES.length] ?? '#0b5fd0'
}

const SORTIES = ['#5b6bb5', '#b0568f', '#3f8f8a', '#a97b2f', '#6f8f3a', '#8a5a44']

export function sortieColour(id: number): string {
  return SORTIES[(Math.max(1, id) - 1) % SORTIES.length] ?? '#5b6bb5'
}
