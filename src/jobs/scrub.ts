import type { Run, RunningJob } from './every.ts'
import { type SharedJobOptions, startSharedJob } from './shared-job.ts'

/** Often, since what is due comes a little at a time; a run that finds nothing is one indexed read. */
const intervalSeconds = 60

/** Checks stored archives before somebody wants them. */
export function startScrubJob(
  scrub: (run: Run) => Promise<void>,
  options: SharedJobOptions,
): RunningJob {
  return startSharedJob({ name: 'scrub', intervalSeconds, run: scrub }, options)
}
