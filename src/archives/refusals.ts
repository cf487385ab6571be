import type { ArchiveDownload, ArchiveQuestion } from '../upstream/archives.ts'
import { hostOf, type Why, wordsFor } from '../upstream/causes.ts'

/** Of a host, since an archive was last had from it. */
interface RefusingHost {
  readonly host: string
  /** How many different ones it refused, up to 100. */
  readonly archives: number
  readonly hasGiven: boolean
  /** How it refused the last one, in words; undefined: none was. */
  readonly lastProblem: string | undefined
}

type Download = (question: ArchiveQuestion) => Promise<ArchiveDownload>

/** Which hosts of archives answer and refuse, which no breaker sees. */
export interface Refusals {
  /** The same download, of which each outcome is noted. */
  readonly noting: (download: Download) => Download
  readonly hosts: () => readonly RefusingHost[]
}

const archivesCountedMax = 100

interface Known {
  readonly refused: ReadonlySet<string>
  readonly hasGiven: boolean
  readonly lastProblem: string | undefined
}

const untold: Known = { refused: new Set(), hasGiven: false, lastProblem: undefined }

export function createRefusals(): Refusals {
  // As many as there are hosts that may be asked.
  const known = new Map<string, Known>()
  function note(url: string, download: ArchiveDownload): void {
    const host = hostOf(url)
    const { refused, hasGiven } = known.get(host) ?? untold
    if (download.outcome === 'downloaded' || download.outcome === 'unchanged') {
      known.set(host, { ...untold, hasGiven: true })
    } else if (download.outcome === 'failed' && isRefusal(download.why)) {
      const counted = refused.size < archivesCountedMax ? new Set([...refused, url]) : refused
      known.set(host, { refused: counted, hasGiven, lastProblem: wordsFor(download.why) })
    }
  }
  return {
    noting: (download) => async (question) => {
      const outcome = await download(question)
      note(question.url, outcome)
      return outcome
    },
    hosts: () =>
      [...known].map(([host, { refused, ...rest }]) => ({ host, archives: refused.size, ...rest })),
  }
}

/** What is missing is told of it alone; what is to be asked later, or failed, is the breaker's affair. */
function isRefusal({ cause, status = 0 }: Why): boolean {
  return cause === 'status' && status >= 400 && status < 500
}
