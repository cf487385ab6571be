import { distTemplate } from './composer/mirror-tokens.ts'
import type { Config } from './config.ts'
import { numberOfRendering } from './database/renderings.ts'
import { createRenderedSince } from './database/root-rendering.ts'
import type { Db } from './database/schema.ts'
import type { RootDeps } from './http/composer/root.ts'
import { asRecorded, type Render, withOwnDists } from './metadata/rendering.ts'

export interface Rendering {
  readonly root: Pick<RootDeps, 'publicUrl' | 'distMode' | 'pinnedNumber' | 'renderedSince'>
  readonly render: Render
}

/** The part of the composition root that is about what the settings make of what is recorded. */
export async function buildRendering({ publicUrl, distMode }: Config, db: Db): Promise<Rendering> {
  const number = async (kind: string, content: string) =>
    await numberOfRendering(db, { kind, content })
  return {
    root: {
      publicUrl,
      distMode,
      pinnedNumber: await number('pinned root', `${distMode} ${publicUrl}`),
      renderedSince: createRenderedSince(db),
    },
    render:
      distMode === 'mirror'
        ? asRecorded
        : withOwnDists(await number('document', distTemplate(publicUrl))),
  }
}
