import { ConditionCode } from '../events/alert-types.ts'

/** What recorded events say is wrong, with upstream's metadata or with archives. */
export const factCodes = [
  'document_refused',
  'versions_left_out',
  'constraint_unreadable',
  'reference_moved',
  'version_withdrawn',
  'archive_differs',
  'archive_corrupt',
  'blocked_wanted',
] as const

/** Everything that an alert can be about. */
export type AlertCode = ConditionCode | (typeof factCodes)[number]

/** `critical`: somebody should look at it now; `warning`: today; `info`: it is good to know. */
export type Severity = 'info' | 'warning' | 'critical'

interface Explanation {
  readonly severity: Severity
  /** What to do, for whoever gets the alert. */
  readonly action: string
}

export const alertCodes: Readonly<Record<AlertCode, Explanation>> = {
  upstream_failing: {
    severity: 'critical',
    action:
      'Check the network from here to this origin and its status page; what is cached is served meanwhile, and it is asked again by itself.',
  },
  upstream_rate_limiting: {
    severity: 'warning',
    action:
      'Nothing is asked of this origin for as long as it said; when that comes back, name a way to reach you in PROXY_USER_AGENT and see what asks for so much.',
  },
  archives_refused: {
    severity: 'critical',
    action:
      'This host answers and gives none of the archives it is asked for: ask for one by hand from this machine; it may want a token in PROXY_UPSTREAM_AUTH or GITHUB_TOKEN, or have shut out this address. What is cached is served meanwhile.',
  },
  feed_lagging: {
    severity: 'warning',
    action:
      "Ask for upstream's `metadata-changes-url` by hand from this machine; until it answers, metadata is as fresh as PROXY_METADATA_TTL says.",
  },
  cache_over_limit: {
    severity: 'warning',
    action:
      'Raise PROXY_MAX_CACHE_SIZE or purge archives; if the log says that the job cleanup fails, mend that first.',
  },
  disk_nearly_full: {
    severity: 'critical',
    action:
      'Free space on the disk of DATA_DIR or give it a larger one: without space nothing new is recorded.',
  },
  projection_stopped: {
    severity: 'critical',
    action:
      'See its error in the log and in /readyz: install the release that mends it, or restart if the cause is gone; the log of events is whole.',
  },
  private_archive_lost: {
    severity: 'critical',
    action:
      'Publish the same zip of this version again, which puts its archive back; then check the disk and memory of the database server. What is left of a damaged one is kept until then.',
  },
  token_guesses: {
    severity: 'warning',
    action:
      'Find out who is at this address, where token after token is tried; block it in front of Almanac if nobody knows it. The answers are slowed down, and a token that is not weak is not guessed.',
  },
  document_refused: {
    severity: 'warning',
    action:
      'Look at this document upstream: the last good one is served until upstream sends another that can be read.',
  },
  versions_left_out: {
    severity: 'warning',
    action:
      'Look at these versions upstream: Composer cannot load them, or they call themselves another package or two versions at once, which may be an attack. Tell the maintainers; all others are served.',
  },
  constraint_unreadable: {
    severity: 'critical',
    action:
      'All versions of the named packages are blocked, since what says which ones cannot be read: block a readable constraint and unblock this one, or tell upstream which entry of its list is broken.',
  },
  reference_moved: {
    severity: 'critical',
    action:
      'Ask the maintainers whether they moved this tag on purpose; freeze the package if you are in doubt, or acknowledge this if it is right.',
  },
  version_withdrawn: {
    severity: 'info',
    action:
      'See who still uses this version: lock files that name it go on being served from the cache; acknowledge this to close it.',
  },
  archive_differs: {
    severity: 'critical',
    action:
      'Compare the archive upstream with the one kept here: the same commit has other files, which are not accepted; take them by /api/v1/proxy/accept-archive, or acknowledge this to keep what is here.',
  },
  archive_corrupt: {
    severity: 'critical',
    action:
      'Check the disk and memory of the database server; the damaged archive was removed and is fetched again when it is asked for.',
  },
  blocked_wanted: {
    severity: 'critical',
    action:
      'Find out who it was, by the token or by the request in the log, and have `composer update` run there: the version was refused here, and Composer before 2.10 may have got it from its origin. Acknowledge this to close it for the day.',
  },
}

/** Whether it holds for as long as the running service is seen to be in it, whatever anybody says. */
export function isCondition(code: AlertCode): code is ConditionCode {
  return ConditionCode.safeParse(code).success
}
