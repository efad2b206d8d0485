// Drives the npm client `fastly` as it is: a line of JSON on stdin is one call, a line of JSON on stdout its outcome,
// with how many writes the client believes are left.
//
//   {"api": "TokensApi", "method": "getToken", "options": {"token_id": "…"}, "token": "…", "basic": ["login", "password"]}
//   {"form": {"name": "…", "services[]": ["…"]}, "headers": {"Fastly-OTP": "…"}, "token": "…"}
//
// The second is a create: the client's createToken() takes no fields, so it goes through the callApi() below it.

import { createInterface } from "node:readline";
import Fastly from "fastly";

const [, , SERVER] = process.argv;
const FASTLY = "https://api.fastly.com";

// The client has a setting for where to go and passes it over: every method names Fastly.  A plugin of its HTTP library is
// the way around; it says so when the setting has come to work.
function aim(request) {
  if (!request.url.startsWith(FASTLY)) throw new Error(`the client went to ${request.url} by itself`);
  request.url = SERVER + request.url.slice(FASTLY.length);
}

function clientFor({ token, basic }) {
  const client = new Fastly.ApiClient();
  client.basePath = SERVER;
  client.plugins = [aim];
  if (token) client.authenticate(token);
  if (basic) {
    // Two of its methods take Basic, each under a name of its own.
    for (const kind of [client.authentications.username_and_password, client.authentications.session_password_change]) {
      [kind.username, kind.password] = basic;
    }
  }
  return client;
}

async function create(client, { form, headers = {} }) {
  const forms = ["application/x-www-form-urlencoded"];
  const json = ["application/json"];
  const into = Fastly.TokenCreatedResponse;
  const done = await client.callApi("/tokens", "POST", {}, {}, {}, headers, form, null, ["token"], forms, json, into, FASTLY);
  return done.data;
}

async function outcome(command) {
  const client = clientFor(command);
  try {
    const { api, method, options = {} } = command;
    const data = command.form ? await create(client, command) : await new Fastly[api](client)[method](options);
    return { data: data ?? null, left: client.rateLimitRemaining, resets: client.rateLimitReset };
  } catch (error) {
    return { status: error.status ?? null, body: error.body ?? null, message: String(error.error ?? error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await outcome(JSON.parse(line))) + "\n");
}
