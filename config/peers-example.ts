import { MAX_PEER_ADDRESSES } from './peer-entry.ts';

/** peers.example.yaml, and the file that the first save of a node without one writes. */
export function examplePeersYaml(): string {
  return `# Peers of btcfed: nodes to be connected to, always. Edits are taken over at once, without a restart.
#
# public_key: base64 of the 32 bytes of the node's Ed25519 key, as its \`btcfed status\` and \`btcfed keygen\` print it.
# addresses: 1 to ${MAX_PEER_ADDRESSES} TCP multiaddrs, /ip4/, /ip6/, /dns4/ or /dns6/; tried in this order.
# Entries in error are named in the log with their line and skipped. Keys that btcfed does not know are left alone.
# Nodes that it learned of go into a block of their own at the end, between two comment lines.

version: 1

peers:
  # - public_key: "Ck3dcezlrZTpilJTUh2XeQbNiDUWYRpk8LVkkeaGcpM="
  #   addresses: ["/ip4/203.0.113.7/tcp/9000", "/dns4/node.example.com/tcp/9000"]
`;
}
