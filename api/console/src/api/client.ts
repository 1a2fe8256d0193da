/** Requests to the API that serves this page. Nothing here may leave the page's own origin. */

import type { Action, Case, CaseDetail, CasePage } from './types'

export class ApiError extends Error {
  /** `status` 0: no answer at all. `detail` is the server's own line, Chinese first. */
  constructor(
    readonly status: number,
    readonly detail: string,
  ) {
    super(detail || `HTTP ${status}`)
  }
}

const PAGE = 500
const TIME_OUT_MS = 20_000

/** The address of an API path, relative to the page, so that a proxy's path is kept. */
export function address(path: string): string {
  return new URL(path.replace(/^\//, ''), document.baseURI.replace(/#.*$/, '')).href
}

async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  const limits = [AbortSignal.timeout(TIME_OUT_MS)]
  if (init.signal) limits.push(init.signal)
  let response: Response
  try {
    response = await fetch(address(path), {
      ...init,
      signal: AbortSignal.any(limits),
      headers: { Accept: 'application/json', ...(init.headers ?? {}) },
    })
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new ApiError(0, '')
  }
  const body: unknown = await response.json().catch(() => null)
  if (!response.ok) {
    const detail = (body as { detail?: unknown } | null)?.detail
    throw new ApiError(response.status, typeof detail === 'string' ? detail : '')
  }
  if (body === null) throw new ApiError(response.status, '')
  return body as T
}

export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return request<T>(path, signal ? { signal } : {})
}

/** All cases of a patrol ('' is of every one), newest first: pages are asked for until the total
 * is reached. */
export async function allCases(patrol: string, signal?: AbortSignal): Promise<Case[]> {
  const where = patrol && `&patrol=${encodeURIComponent(patrol)}`
  const items = new Map<string, Case>()
  for (let offset = 0; ; ) {
    const page = await get<CasePage>(`api/cases?limit=${PAGE}&offset=${offset}${where}`, signal)
    for (const item of page.items) items.set(item.number, item)
    offset += page.items.length
    if (page.items.length === 0 || offset >= page.total) return [...items.values()]
  }
}

export function takeStep(
  number: string,
  step: string,
  body: Record<string, string>,
): Promise<CaseDetail> {
  return request<CaseDetail>(`api/cases/${encodeURIComponent(number)}/${step}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** Hand a command to the running flight; its answer comes in the stream, by this id. */
export function command(
  patrol: string,
  action: Action,
  vehicle: number | null,
): Promise<{ id: string }> {
  return request(patrolPath(patrol, 'flight/commands'), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ action, vehicle }),
  })
}

export function patrolPath(id: string, name = ''): string {
  return `api/patrols/${encodeURIComponent(id)}${name && `/${name}`}`
}

/** A sighting's picture: `evidence/S0001.jpg` in its patrol's folder. */
export function evidenceAddress(patrol: string, evidence: string): string {
  return patrolPath(patrol, `evidence/${encodeURIComponent(evidence.replace(/^.*\//, ''))}`)
}
