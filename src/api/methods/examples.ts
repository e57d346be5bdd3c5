/** Values that the examples of several methods share. */
export const TOKEN = 'ae59f3b898ec61acbdb6cc7a245fabeded0c094bf046f35206a3aec60ef88127_0';
export const TXID = '3d7a2b1c9f0e4d5c8b6a798897a6b5c4d3e2f10f1e2d3c4b5a69788796a5b4c3';
export const ADDRESS = '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa';
export const BLOCK = '000000000000000004b1f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f80';
export const PEER_ID = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp';
export const PUBLIC_KEY = 'TPLs5CsA0Iz8FmLXgKsmCa5PPuTOBSiHkDc5iQsi6ag=';
