/** What is selected stands in the address, so that it can be sent to somebody:
 * `#/case/LG-20260520-0001` or `#/sighting/<patrol>/<id>`. */

import { useSyncExternalStore } from 'react'

export type Selection =
  | { kind: 'case'; number: string }
  | { kind: 'sighting'; patrol: string; id: string }
  | null

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export function parse(hash: string): Selection {
  const [kind, first, second] = hash.replace(/^#\/?/, '').split('/').map(decode)
  if (kind === 'case' && first) return { kind, number: first }
  if (kind === 'sighting' && first && second) return { kind, patrol: first, id: second }
  return null
}

export function hashOf(selection: Selection): string {
  if (!selection) return '#/'
  const parts =
    selection.kind === 'case' ? [selection.number] : [selection.patrol, selection.id]
  return `#/${[selection.kind, ...parts.map(encodeURIComponent)].join('/')}`
}

export function keyOf(selection: Selection): string | null {
  return selection ? hashOf(selection) : null
}

export function select(selection: Selection): void {
  if (window.location.hash !== hashOf(selection)) window.location.hash = hashOf(selection)
}

let last: { hash: string; selection: Selection } = { hash: '', selection: null }

function current(): Selection {
  const { hash } = window.location
  if (hash !== last.hash) last = { hash, selection: parse(hash) }
  return last.selection
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener)
  return () => window.removeEventListener('hashchange', listener)
}

export function useSelection(): Selection {
  return useSyncExternalStore(subscribe, current)
}
