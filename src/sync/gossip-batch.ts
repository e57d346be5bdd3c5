import { BATCH_BYTES, MAX_ANNOUNCEMENTS, MAX_BEEFS } from '../../protocols/gossip/constants.ts';
import {
  type Announcement,
  encodeAnnouncements,
  encodeBeefs,
  inMessageBytes,
} from '../../protocols/gossip/message.ts';
import type { Parcel } from './gossip-beefs.ts';
import type { TellableState } from './told.ts';

/** A message that is ready to be published, and what counts as told by it. */
export interface OutboundMessage {
  /** `again`: how often it was published before. */
  readonly encode: (again: number) => Uint8Array;
  readonly states: readonly TellableState[];
  readonly txs: number;
  readonly isAnnouncement: boolean;
}

/** Collects what goes out on one topic into messages. */
export class GossipBatch {
  private beefs: Uint8Array[] = [];
  private bytes = 0;
  private beefStates: TellableState[] = [];
  private announcements: Announcement[] = [];
  private announcedStates: TellableState[] = [];

  /** The message that has to go before there is room for this one. */
  add(parcel: Parcel): OutboundMessage | undefined {
    const { beef, states } = parcel;
    if (beef === undefined) {
      const { txid, size, height } = parcel;
      const full = this.announcements.length === MAX_ANNOUNCEMENTS ? this.takeAnnouncements() : undefined;
      this.announcements.push({ txid, size, height });
      this.announcedStates.push(...states);
      return full;
    }
    const more = inMessageBytes(beef.length);
    const isFull = this.beefs.length === MAX_BEEFS || this.bytes + more > BATCH_BYTES;
    const full = isFull ? this.takeBeefs() : undefined;
    this.beefs.push(beef);
    this.bytes += more;
    this.beefStates.push(...states);
    return full;
  }

  /** All that is left. */
  take(): OutboundMessage[] {
    return [this.takeBeefs(), this.takeAnnouncements()].flatMap((message) => message ?? []);
  }

  private takeBeefs(): OutboundMessage | undefined {
    const { beefs, beefStates: states } = this;
    if (beefs.length === 0) return undefined;
    this.beefs = [];
    this.bytes = 0;
    this.beefStates = [];
    return { encode: (again) => encodeBeefs(beefs, again), states, txs: beefs.length, isAnnouncement: false };
  }

  private takeAnnouncements(): OutboundMessage | undefined {
    const { announcements, announcedStates: states } = this;
    if (announcements.length === 0) return undefined;
    this.announcements = [];
    this.announcedStates = [];
    const encode = (again: number): Uint8Array => encodeAnnouncements(announcements, again);
    return { encode, states, txs: announcements.length, isAnnouncement: true };
  }
}
