import { Button, Result } from 'antd'
import { Component, type ReactNode } from 'react'

import { useSpeech } from './i18n'

function Failed({ error }: { error: Error }): ReactNode {
  const { t } = useSpeech()
  return (
    <Result
      status="warning"
      title={t('error.boundary', { detail: error.message })}
      extra={<Button onClick={() => window.location.reload()}>{t('action.reload')}</Button>}
    />
  )
}

/** A fault in the page itself is one sentence, not a blank screen. */
export class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null }

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error }
  }

  override render(): ReactNode {
    return this.state.error ? <Failed error={this.state.error} /> : this.props.children
  }
}
