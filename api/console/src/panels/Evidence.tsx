import { ZoomInOutlined } from '@ant-design/icons'
import { Image } from 'antd'
import { type ReactNode, useEffect, useState } from 'react'

import { useSpeech } from '../i18n'

/** The evidence picture; a click, Enter or the space bar shows it large, to zoom and drag. */
export function Evidence({ src, alt }: { src: string | null; alt: string }): ReactNode {
  const { t } = useSpeech()
  const [open, setOpen] = useState(false)
  const [broken, setBroken] = useState(false)
  useEffect(() => {
    setBroken(false)
    setOpen(false)
  }, [src])
  if (!src) return <p className="no-evidence">{t('detail.evidence.none')}</p>
  if (broken) return <p className="no-evidence">{t('error.evidence')}</p>
  return (
    <figure className="evidence">
      <button type="button" aria-label={t('detail.evidence.zoom')} onClick={() => setOpen(true)}>
        <img src={src} alt={alt} onError={() => setBroken(true)} />
        <span className="zoom" aria-hidden="true">
          <ZoomInOutlined />
        </span>
      </button>
      <Image
        src={src}
        alt={alt}
        preview={{ open, onOpenChange: setOpen, src }}
      />
    </figure>
  )
}
