import { distTemplate } from './composer/mirror-tokens.ts'
import { trialNotice } from './composer/notices.ts'
import { rootFileVersion } from './composer/packages-json.ts'
import type { Config } from './config.ts'
import { numberOfRendering } from './database/renderings.ts'
import { createRenderedSince } from './database/root-rendering.ts'
import type { Db } from './database/schema.ts'
import type { RootDeps } from './http/composer/root.ts'
import { asRecorded, type Render, withOwnDists } from './metadata/rendering.ts'

export interface Rendering {
  readonly root: Pick<
    RootDeps,
    | 'publicUrl'
    | 'distMode'
    | 'hasUpstream'
    | 'pinAdvisories'
    | 'notice'
    | 'pinnedNumber'
    | 'renderedSince'
  >
  readonly render: Render
}

/** The part of the composition root that is about what the settings make of what is recorded. */
export async function buildRendering(config: Config, db: Db): Promise<Rendering> {
  const { publicUrl, distMode, pinAdvisories, proxyEnabled: hasUpstream } = config
  const number = async (kind: string, content: string) =>
    await numberOfRendering(db, { kind, content })
  const ownOnly = hasUpstream ? 'proxy' : 'own'
  const pinnedRoots = [rootFileVersion, distMode, publicUrl, ownOnly, pinAdvisories]
  return {
    root: {
      publicUrl,
      distMode,
      hasUpstream,
      pinAdvisories,
      notice: config.publicOrigin === undefined ? `Almanac: ${trialNotice(publicUrl)}` : undefined,
      pinnedNumber: await number('pinned root', pinnedRoots.join(' ')),
      renderedSince: createRenderedSince(db),
    },
    render:
      distMode === 'mirror'
        ? asRecorded
        : withOwnDists(await number('document', `${distTemplate(publicUrl)}?sha1= filled in`)),
  }
}
