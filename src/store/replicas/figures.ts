// What is measured of replicas.

export interface ReplicaFigure {
  /** Its host and port. */
  readonly name: string;
  /** Whether it is read. */
  readonly isRead: boolean;
  /** Bytes of the log that the primary had a second ago at most, and it has not replayed. Undefined: not known. */
  readonly lagBytes: number | undefined;
}

export interface ReplicaFigures {
  readonly replicas: readonly ReplicaFigure[];
  /** Statements of calls that replicas may answer, by where they were answered, and why not at a replica. */
  readonly reads: Readonly<Record<ReadPlace, number>>;
}

/**
 * `replica`; or the primary: `latest`, because the call needs the newest; `behind`, because no replica had what its
 * caller has seen; `failed`, because the replica failed; `none`, because no replica is read.
 */
export type ReadPlace = "replica" | "latest" | "behind" | "failed" | "none";
