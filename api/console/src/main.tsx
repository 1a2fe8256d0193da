import './style.css'

import { App as AntApp, ConfigProvider, theme } from 'antd'
import enGB from 'antd/locale/en_GB'
import zhCN from 'antd/locale/zh_CN'
import { StrictMode, type ReactNode } from 'react'
import { createRoot } from 'react-dom/client'

import { App } from './App'
import { Boundary } from './Boundary'
import { SpeechProvider, useSpeech } from './i18n'

const FONT =
  '-apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", system-ui, sans-serif'

function Root(): ReactNode {
  const { language } = useSpeech()
  return (
    <ConfigProvider
      button={{ autoInsertSpace: false }}
      locale={language === 'zh' ? zhCN : enGB}
      theme={{
        algorithm: theme.compactAlgorithm,
        token: {
          motion: !window.matchMedia('(prefers-reduced-motion: reduce)').matches,
          colorPrimary: '#0f6f86',
          colorLink: '#0f6f86',
          borderRadius: 4,
          fontSize: 13,
          fontFamily: FONT,
        },
      }}
    >
      <AntApp component={false}>
        <Boundary>
          <App />
        </Boundary>
      </AntApp>
    </ConfigProvider>
  )
}

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <SpeechProvider>
        <Root />
      </SpeechProvider>
    </StrictMode>,
  )
}
