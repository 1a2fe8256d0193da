/** The time as the server knows it, ticking once a second for whoever shows a countdown. */

import { useSyncExternalStore } from 'react'

let serverAheadMs = 0
let now = Date.now()
let timer = 0
const listeners = new Set<() => void>()

function tick(): void {
  now = Date.now() + serverAheadMs
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  if (listeners.size === 1) {
    timer = window.setInterval(tick, 1000)
    now = Date.now() + serverAheadMs
  }
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) window.clearInterval(timer)
  }
}

/** Deadlines are the server's: take its time where this machine's clock is off. */
export function setServerTime(iso: string): void {
  const at = Date.parse(iso)
  if (!Number.isNaN(at)) serverAheadMs = at - Date.now()
}

export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now)
}
