import type { Migration } from 'kysely'
import * as eventLog from './0001_event_log.ts'
import * as snapshotsAndBlobs from './0002_snapshots_and_blobs.ts'
import * as service from './0003_service.ts'
import * as jobLease from './0004_job_lease.ts'
import * as rendering from './0005_rendering.ts'
import * as blobCare from './0006_blob_care.ts'
import * as overlaidDate from './0007_overlaid_date.ts'
import * as alertDelivery from './0008_alert_delivery.ts'
import * as preciousBlob from './0009_precious_blob.ts'
import * as nameList from './0010_name_list.ts'
import * as advisoriesKnown from './0011_advisories_known.ts'

/** In order; append only. A released migration is never edited. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001_event_log': eventLog,
  '0002_snapshots_and_blobs': snapshotsAndBlobs,
  '0003_service': service,
  '0004_job_lease': jobLease,
  '0005_rendering': rendering,
  '0006_blob_care': blobCare,
  '0007_overlaid_date': overlaidDate,
  '0008_alert_delivery': alertDelivery,
  '0009_precious_blob': preciousBlob,
  '0010_name_list': nameList,
  '0011_advisories_known': advisoriesKnown,
}
