// A machine's day with a generated client: every call, parameter and answer below is checked by the types of
// /openapi.json, and the answers by what they say. Run by tests/api/test_contract_client.py.
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/api.js";

declare const process: { argv: string[]; exitCode: number };

const [, , baseUrl, token] = process.argv;
const client = createClient<paths>({
  baseUrl: baseUrl ?? "",
  headers: { Authorization: `Bearer ${token ?? ""}` },
});

function expect(is: boolean, what: string): void {
  if (!is) throw new Error(what);
}

async function positions(): Promise<void> {
  const { data, response } = await client.GET("/api/v1/positions", { params: { query: { by: "entity", entity: "NORTH" } } });
  const rows: components["schemas"]["PositionRow"][] = data?.rows ?? [];
  expect(rows.length > 0 && rows.every((row) => row.entity === "NORTH"), "positions of one entity");
  const position: string = rows[0]?.position ?? "";
  expect(/^-?\d+(\.\d+)?$/.test(position), "amounts are decimal strings");

  const known = response.headers.get("etag");
  expect(known !== null, "an answer has its tag");
  const again = await client.GET("/api/v1/positions", {
    params: { query: { by: "entity", entity: "NORTH" }, header: { "If-None-Match": known ?? "" } },
  });
  expect(again.response.status === 304, "what holds still is not sent again");
  expect(response.headers.get("ratelimit")?.includes(";r=") === true, "what is left is told");
}

async function alerts(): Promise<void> {
  const seen: string[] = [];
  let cursor: string | null | undefined;
  do {
    const { data } = await client.GET("/api/v1/alerts", { params: { query: { limit: 2, ...(cursor ? { cursor } : {}) } } });
    seen.push(...(data?.alerts ?? []).map((alert) => alert.alert_id));
    cursor = data?.cursor;
  } while (cursor);
  expect(seen.length === 5 && new Set(seen).size === 5, `each alert once: ${seen.join(" ")}`);
}

async function commands(): Promise<void> {
  const give = () =>
    client.POST("/api/v1/commands", {
      params: { header: { "Idempotency-Key": "day-1" } },
      body: { aggregate: "RiskAsset", key: "LN-1", command: "Tag", payload: { tag: "watch" } },
    });
  const first = await give();
  const second = await give();
  expect(first.data?.repeated === false && second.data?.repeated === true, "the same key, the same command");
  expect(second.data?.cmd_id === "day-1", "the key is the command's");
}

async function problems(): Promise<void> {
  const wrong = await client.GET("/api/v1/positions", { params: { query: { by: "planet" } } });
  const problem: components["schemas"]["Problem"] | undefined = wrong.error;
  expect(problem?.status === 422 && problem.facts?.["field"] === "by", "a problem names the field");
  const refused = await client.POST("/api/v1/commands", {
    body: { cmd_id: "day-2", aggregate: "RiskAsset", key: "LN-1", command: "Refuse" },
  });
  expect(refused.error?.title === "rejected" && refused.response.status === 409, "a rule says no with 409");
}

for (const part of [positions, alerts, commands, problems]) await part();
console.log("done");
