import type { Case, State, Violation } from '../api/types'

export interface Filter {
  violation: Violation | null
  community: string | null
  state: State | null
  overdue: boolean
}

export const NO_FILTER: Filter = { violation: null, community: null, state: null, overdue: false }

export type Sorting = 'deadline' | 'newest' | 'community'

export function filtering(filter: Filter): boolean {
  return Object.values(filter).some(Boolean)
}

export function matches(item: Case, filter: Filter): boolean {
  return (
    (!filter.violation || item.class === filter.violation) &&
    (!filter.community || item.community?.code === filter.community) &&
    (!filter.state || item.state === filter.state) &&
    (!filter.overdue || item.overdue)
  )
}

/** Orders that wait for acceptance first, by deadline; then what waits for a reviewer. */
function urgency(item: Case): number {
  if (item.state === 'dispatched' && item.order) return Date.parse(item.order.accept_by)
  return item.state === 'closed' || item.state === 'verified' ? Infinity : Number.MAX_SAFE_INTEGER
}

const ORDERS: Record<Sorting, (a: Case, b: Case) => number> = {
  deadline: (a, b) => {
    const [x, y] = [urgency(a), urgency(b)]
    return x === y ? 0 : x - y
  },
  newest: (a, b) => Date.parse(b.opened_at) - Date.parse(a.opened_at),
  community: (a, b) => (a.community?.code ?? '~').localeCompare(b.community?.code ?? '~'),
}

export function arranged(cases: Case[], filter: Filter, sorting: Sorting): Case[] {
  return cases
    .filter((item) => matches(item, filter))
    .sort((a, b) => ORDERS[sorting](a, b) || a.number.localeCompare(b.number))
}
