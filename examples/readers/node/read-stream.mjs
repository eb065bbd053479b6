#!/usr/bin/env node
/**
 * Reads a stream of the telemetry forwarder once, from its oldest record to its tip, and proves that nothing is missing.
 *
 *     node read-stream.mjs STREAM [ENDPOINT]
 *
 * Prints each event once, as one line of JSON, whatever the sink's format and compression. The proof goes to standard error, a
 * line for each forwarder; the exit code is 1 if lines are missing that nothing announces. Needs @aws-sdk/client-kinesis; for
 * zstd Node.js 22.15, or fzstd. Copy it: decode(), Joiner and Proof do not know of Kinesis.
 */

import { createHash } from 'node:crypto';
import * as zlib from 'node:zlib';
import { GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';

const unzstd = zlib.zstdDecompressSync ?? (await import('fzstd').catch(() => ({}))).decompress;

/** The lines of a record: its first bytes tell what it is. */
export function decode(data) {
  const begins = (...bytes) => bytes.every((byte, index) => data[index] === byte);
  if (begins(0x1f, 0x8b)) {
    data = zlib.gunzipSync(data);
  } else if (begins(0x28, 0xb5, 0x2f, 0xfd)) {
    data = unzstd(data);
  } else if (begins(0xf3, 0x89, 0x9a, 0xc2)) {
    const body = data.subarray(4, -16);
    if (!createHash('md5').update(body).digest().equals(data.subarray(-16))) {
      throw new Error('an aggregate whose digest is another');
    }
    const records = [...fields(body)].filter(([tag]) => tag === 3).map(([, record]) => record);
    const texts = records.flatMap((record) => [...fields(record)].filter(([tag]) => tag === 3).map(([, text]) => text));
    data = Buffer.concat(texts.flatMap((text) => [text, Buffer.from('\n')]));
  }
  const text = new TextDecoder('utf-8', { fatal: true }).decode(data);
  return text.split('\n').filter((line) => line !== '');
}

/** Number and bytes of each field of a protobuf message; numbers are passed over. */
function* fields(message) {
  let at = 0;
  const varint = () => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new Error('an aggregate that ends early');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const length = varint();
    if ((key & 7) === 2) {
      yield [key >> 3, message.subarray(at, at + length)];
      at += length;
    }
  }
}

/** Makes lines whole that were longer than a record may be. */
export class Joiner {
  #waiting = new Map();

  /** The line, if it is whole now: as it came, so that no number of it changes. */
  take(event, line) {
    const { id, sink, part } = event.forwarder ?? {};
    if (part === undefined) return line;
    const key = `${id} ${sink} ${part.first}`;
    const parts = this.#waiting.get(key) ?? new Map();
    this.#waiting.set(key, parts.set(part.index, event));
    if (parts.size < part.of) return undefined;
    this.#waiting.delete(key);
    const { record: _, forwarder, ...rest } = parts.get(0);
    delete forwarder.part;
    const record = Array.from({ length: part.of }, (_, index) => parts.get(index).record).join('');
    return `${JSON.stringify({ ...rest, forwarder }).slice(0, -1)},"record":${record}}`;
  }
}

/** Counts each line once, and finds the numbers that are missing. */
export class Proof {
  #owners = new Map();

  /** True for a line that did not come before. */
  take({ type, record, forwarder }) {
    if (forwarder === undefined) return true;
    const { id, sink, seq } = forwarder;
    const key = `${id} ${sink}`;
    const owner = this.#owners.get(key) ?? { seen: new Set(), announced: new Set(), notices: new Set(), end: undefined };
    this.#owners.set(key, owner);
    let lines = owner.seen;
    if (type === 'forwarder.dropped') {
      for (const [first, last] of record.ranges) {
        for (let number = first; number <= last; number += 1) owner.announced.add(number);
      }
      // An announcement for another process has the first number that it names: that line is lost, not seen.
      if (record.ranges[0][0] === seq) lines = owner.notices;
    } else if (type === 'forwarder.report' && record.final) {
      owner.end = record.nextSeq;
    }
    const isNew = !lines.has(seq);
    lines.add(seq);
    return isNew;
  }

  /** For each forwarder and sink: complete, lost or unproven, with the count of its lines and of the missing ones. */
  *verdicts() {
    for (const [name, { seen, announced, end }] of [...this.#owners].sort(([one], [other]) => (one < other ? -1 : 1))) {
      const known = new Set([...seen, ...announced]);
      const next = [...known].reduce((most, number) => Math.max(most, number + 1), end ?? 0);
      const missing = next - known.size;
      const dropped = [...announced].filter((number) => !seen.has(number)).length;
      const verdict = missing > 0 ? 'lost' : end === undefined ? 'unproven' : 'complete';
      yield { name, verdict, lines: seen.size, dropped, missing };
    }
  }
}

/** The records that are in the stream now. Shards that were split or merged are among the list of shards. */
async function* records(client, StreamName) {
  let NextToken;
  do {
    const page = await client.send(new ListShardsCommand(NextToken ? { NextToken } : { StreamName }));
    for (const { ShardId } of page.Shards) {
      const from = { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' };
      let { ShardIterator } = await client.send(new GetShardIteratorCommand(from));
      while (ShardIterator) {
        const answer = await client.send(new GetRecordsCommand({ ShardIterator }));
        yield* answer.Records;
        const more = answer.Records.length > 0 || (answer.MillisBehindLatest ?? 0) > 0;
        ShardIterator = more ? answer.NextShardIterator : undefined;
      }
    }
    ({ NextToken } = page);
  } while (NextToken);
}

const [stream, endpoint] = process.argv.slice(2);
if (stream !== undefined) {
  const [joiner, proof] = [new Joiner(), new Proof()];
  // HTTP/1.1: the client's own choice, HTTP/2, is for SubscribeToShard, and stand-ins of Kinesis do not speak it.
  const client = new KinesisClient({ endpoint, requestHandler: new NodeHttpHandler() });
  for await (const { Data, SequenceNumber } of records(client, stream)) {
    try {
      for (const line of decode(Buffer.from(Data))) {
        const event = JSON.parse(line);
        const whole = proof.take(event) ? joiner.take(event, line) : undefined;
        if (whole !== undefined) console.log(whole);
      }
    } catch (error) {
      console.error(`record ${SequenceNumber}: ${error.message}`);
    }
  }
  for (const { name, verdict, lines, dropped, missing } of proof.verdicts()) {
    console.error(`${name}: ${verdict}, ${lines} lines, ${dropped} announced as dropped, ${missing} missing`);
    if (missing > 0) process.exitCode = 1;
  }
}
