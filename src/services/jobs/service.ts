// JobService: how far long work is.
import { JobSchema } from "../../../gen/colloquy/v1/job_pb.ts";
import * as pb from "../../../gen/colloquy/v1/job_service_pb.ts";
import { notFound } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { audit } from "../../store/audit/audit.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { digUpMember } from "../../store/erasure/rest.ts";
import * as store from "../../store/jobs/jobs.ts";
import { createMutations } from "../mutations.ts";
import { paginate } from "../paginate.ts";
import { toJob } from "./convert.ts";

export interface JobServiceOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
}

export function createJobService({ database, secrets }: JobServiceOptions): ServiceEntry {
  const { mutation } = createMutations(database);
  return serve(pb.JobService, {
    async getJob({ jobId: id }, { principal, interrupt }) {
      const { tenantId } = callerFrom(principal);
      const row = isOurId(id) ? await store.readJob(database, tenantId, id, interrupt) : undefined;
      if (row === undefined) throw notFound("job");
      return { job: toJob(row) };
    },

    async listJobs(request, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const { items, ...page } = await paginate(secrets, caller, pb.ListJobsRequestSchema, request, {
        item: JobSchema,
        read({ after: [before] = [], limit }) {
          const list = { before, memberId: request.memberId || undefined, state: request.state, limit };
          return store.listJobs(database, caller.tenantId, list, interrupt);
        },
        convert: toJob,
        key: ({ id }) => [id],
      });
      return { jobs: items, ...page };
    },

    cancelJob: mutation(pb.JobService.method.cancelJob, async (tx, caller, { jobId: id }, context) => {
      const row = isOurId(id) ? await store.lockJob(tx, caller.tenantId, id) : undefined;
      if (row === undefined) throw notFound("job");
      const ended = await store.endJob(tx, caller.tenantId, row.id, store.JobEnd.CANCELLED);
      if (ended === undefined) return { job: toJob(row) };
      if (row.subject !== null) await digUpMember(tx, caller.tenantId, row.subject);
      await audit(tx, caller, context, { action: "job.cancel", resourceType: "job", resourceId: row.id });
      return { job: toJob(ended) };
    }),
  });
}
