// Sources are run as they are, and a thread doesn't inherit what reads TypeScript from its process.
import { workerData } from 'node:worker_threads'
import { register } from 'tsx/esm/api'

register({ tsconfig: false })
await import(workerData.module)
