import { addressBytes, parseAddress } from '../../protocols/peer-exchange/address.ts';
import type { WireRecord } from '../../protocols/peer-exchange/codec.ts';
import {
  MAX_ADDRESSES_PER_RECORD,
  MAX_RECORD_BYTES,
  PROTOCOL_IDS,
} from '../../protocols/peer-exchange/constants.ts';
import { PENALTY_POINTS } from '../../protocols/peer-exchange/errors.ts';
import type { ExchangeHooks, ExchangeOptions } from '../../protocols/peer-exchange/interfaces.ts';
import { ExchangeService, type ExchangeStats } from '../../protocols/peer-exchange/service.ts';
import type { Log } from '../observe/log.ts';
import type { AddressBook } from './address-book.ts';
import { ExchangeCounts, type ExchangeCountsView } from './exchange-counts.ts';
import { EXCHANGE_STREAMS, exchangePeer, exchangeStream, HostTransport } from './exchange-transport.ts';
import { LearnedLog } from './learned-log.ts';
import { SignedRecords } from './signed-record.ts';
import type {
  Clock,
  ConnectedPeer,
  Host,
  PeerIdText,
  PeerJudge,
  PreparedChange,
  RandomFraction,
} from './types.ts';

export interface PeerExchangeModules {
  readonly host: Host;
  readonly book: AddressBook;
  readonly judge: PeerJudge;
  readonly clock: Clock;
  readonly random: RandomFraction;
  readonly log: Log;
  /** What we follow, as 36-byte token ids (protocols/peer-exchange/tokens.ts). */
  readonly tokens?: () => readonly Uint8Array[];
}

type Exchanged = (peerId: PeerIdText, added: number) => void;
type Followed = (peerId: PeerIdText, tokens: readonly Uint8Array[]) => void;

/** Peer exchange of this daemon: the protocol's service on the host and the address book. */
export class PeerExchange {
  readonly #modules: PeerExchangeModules;
  readonly #service: ExchangeService;
  readonly #counts = new ExchangeCounts();
  readonly #learned: LearnedLog;
  readonly #exchanged = new Set<Exchanged>();
  readonly #followed = new Set<Followed>();
  #options: ExchangeOptions;
  #undo: (() => Promise<void> | void)[] = [];

  constructor(options: ExchangeOptions, modules: PeerExchangeModules) {
    this.#options = options;
    this.#modules = modules;
    this.#learned = new LearnedLog(modules);
    const { host, book, judge, clock, random, log, tokens } = modules;
    // Before the list of the last run comes, which may be of another policy.
    book.setPrivateAddresses(options.privateAddresses);
    this.#service = new ExchangeService(options, {
      clock,
      random,
      book,
      judge,
      transport: new HostTransport(host),
      records: new SignedRecords(),
      metrics: this.#counts,
      hooks: this.#hooks(),
      log: (message, fields) => log.debug(`exchange ${message}`, fields),
      self: {
        peerId: host.peerId,
        publicKey: host.publicKey,
        record: () => this.#ownRecord(),
        tokens: tokens ?? (() => []),
      },
    });
  }

  /** After the host has started. Peers that are connected already are greeted. */
  async start(): Promise<void> {
    const { host, book } = this.#modules;
    await this.#service.start();
    const handler = await host.handle(
      PROTOCOL_IDS,
      (stream) => this.#service.serve(exchangeStream(stream)),
      EXCHANGE_STREAMS,
    );
    this.#undo = [
      handler,
      host.on('connected', ({ peerId }) => book.present(peerId)),
      host.on('identified', (peer) => this.#identified(peer)),
      host.on('disconnected', (peerId) => {
        this.#service.left(peerId);
        book.absent(peerId);
      }),
    ];
    for (const peer of host.connected()) {
      book.present(peer.peerId);
      if (peer.identified !== undefined) this.#identified(peer);
    }
  }

  /** Before the host stops; leaves no timer and no listener. */
  async stop(): Promise<void> {
    const undo = this.#undo.splice(0);
    for (const one of undo) await one();
    await this.#service.stop();
    this.#learned.end();
  }

  /** Live options; nothing here can fail. */
  prepare(options: ExchangeOptions): PreparedChange {
    const before = this.#options;
    return { apply: () => this.#setOptions(options), rollback: () => this.#setOptions(before) };
  }

  /** Our addresses or the tokens we follow have changed: peers are told. */
  selfChanged(): Promise<void> {
    return this.#service.selfChanged();
  }

  /** Asks around now, besides the timer. */
  exchangeNow(): void {
    this.#service.exchangeNow();
  }

  /** Called after each exchange of ours that is done; the result ends it. */
  onExchanged(listener: Exchanged): () => void {
    this.#exchanged.add(listener);
    return () => this.#exchanged.delete(listener);
  }

  /** Called with what a connected peer says it follows. */
  onFollowed(listener: Followed): () => void {
    this.#followed.add(listener);
    return () => this.#followed.delete(listener);
  }

  stats(): ExchangeStats {
    return this.#service.stats();
  }

  counts(): ExchangeCountsView {
    return this.#counts.view();
  }

  #setOptions(options: ExchangeOptions): void {
    this.#options = options;
    this.#service.setOptions(options);
    this.#modules.book.setPrivateAddresses(options.privateAddresses);
  }

  #identified(peer: ConnectedPeer): void {
    const { identified, publicKey } = peer;
    if (identified === undefined) return;
    this.#modules.book.present(peer.peerId);
    const seen = exchangePeer(peer);
    if (identified.protocols.some((id) => (PROTOCOL_IDS as readonly string[]).includes(id))) {
      this.#service.joined(seen);
    } else {
      this.#modules.log.debug('exchange not spoken', { peer: peer.peerId, agent: identified.agent });
    }
    if (publicKey === undefined) return;
    const addresses = identified.addresses.flatMap(binary).slice(0, MAX_ADDRESSES_PER_RECORD);
    const told: WireRecord = { envelope: identified.signedRecord, addresses };
    if (told.envelope !== undefined || addresses.length > 0) this.#service.heardOwn(seen, told);
  }

  async #ownRecord(): Promise<Uint8Array | undefined> {
    const { host, log } = this.#modules;
    const addresses = host.announcedAddresses();
    if (addresses.length === 0) return undefined;
    const record = await host.signedRecord();
    if (addresses.length <= MAX_ADDRESSES_PER_RECORD && record.length <= MAX_RECORD_BYTES) return record;
    const code = record.length > MAX_RECORD_BYTES ? 'RECORD_TOO_LARGE' : 'TOO_MANY_ADDRESSES';
    log.event('peers.own_record', { code, addresses: addresses.length });
    return undefined;
  }

  #hooks(): ExchangeHooks {
    const { book, log } = this.#modules;
    return {
      exchanged: (peerId, added) => {
        for (const listener of this.#exchanged) listener(peerId, added);
      },
      followed: (peerId, tokens) => {
        for (const listener of this.#followed) listener(peerId, tokens);
      },
      taken: (from, { peerId }, outcome) => {
        if (outcome === 'new') this.#learned.learned(peerId, from, book.size);
      },
      refused: (from, code) => {
        // A peer that listens nowhere, or nowhere that we may dial, does nothing wrong.
        if (PENALTY_POINTS[code] === undefined) log.debug('exchange left a record out', { code, peer: from });
        else log.event('peer.refused', { code, peer: from });
      },
    };
  }
}

/** Canonical and binary; nothing if the text is no address of ours. */
function binary(text: string): Uint8Array[] {
  const address = parseAddress(text);
  return typeof address === 'string' ? [] : [addressBytes(address.text)];
}
