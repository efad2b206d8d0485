// npm `openid-client` as it is: introspects a token, revokes it, introspects it again; the three outcomes as JSON on stdout.

import * as client from "openid-client";

const [, , server, clientId, token, how] = process.argv;
const secret = process.env.CLIENT_SECRET;
const metadata = {
  issuer: server,
  introspection_endpoint: `${server}/oauth/introspect`,
  revocation_endpoint: `${server}/oauth/revoke`,
};
const credentials = { basic: client.ClientSecretBasic(secret), none: client.None() }[how];
const config = new client.Configuration(metadata, clientId, {}, credentials);
client.allowInsecureRequests(config); // http, on this machine

async function outcome(call) {
  try {
    return (await call()) ?? null;
  } catch (error) {
    return { refused: error.status ?? error.cause?.status ?? error.message };
  }
}

const calls = [client.tokenIntrospection, client.tokenRevocation, client.tokenIntrospection];
const outcomes = [];
for (const call of calls) outcomes.push(await outcome(() => call(config, token)));
process.stdout.write(JSON.stringify(outcomes));
