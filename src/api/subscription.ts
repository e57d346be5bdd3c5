import { EVENT_PAGE } from './limits.ts';
import type { ApiModules } from './modules.ts';
import { shownEvent } from './present.ts';
import type { Session } from './session.ts';

export interface SubscriptionOptions {
  readonly id: string;
  /** Events with a greater sequence are sent. */
  readonly after: bigint;
  readonly tokens: readonly string[] | undefined;
}

/**
 * Sends events to one caller until it is gone. The event log is the buffer: events are read from it by
 * sequence, page by page, only while the caller takes them, so replay and live are one thing, nothing is
 * skipped, and a slow caller costs no memory (its connection's write deadline ends it, and it can resume).
 */
export async function runSubscription(
  opts: SubscriptionOptions,
  { view, network, events, session }: Pick<ApiModules, 'view' | 'network' | 'events'> & { session: Session },
): Promise<void> {
  let wake = Promise.withResolvers<void>();
  const stopListening = events.onAppend(() => wake.resolve());
  const onAbort = () => wake.resolve();
  session.signal.addEventListener('abort', onAbort, { once: true });
  let { after } = opts;
  try {
    while (!session.signal.aborted) {
      // Renewed before the read: what is committed after it wakes us again.
      wake = Promise.withResolvers<void>();
      const head = view.facts().sequence;
      const page = await view.events(after, EVENT_PAGE, opts.tokens);
      for (const event of page) {
        session.notify('event', { subscriptionId: opts.id, ...shownEvent(network, event) });
        after = event.sequence;
      }
      await session.drained();
      if (page.length === EVENT_PAGE) continue;
      // Everything up to `head` was looked at, also what the token filter left out.
      if (head > after) after = head;
      if (!session.signal.aborted) await wake.promise;
    }
  } finally {
    stopListening();
    session.signal.removeEventListener('abort', onAbort);
  }
}
