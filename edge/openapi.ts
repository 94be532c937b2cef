/**
 * The service in the words of OpenAPI 3.1, from the table of its routes.
 *
 * It is written once, by `bundle` or when `serve` starts, so that none of this is in a bundle's code.
 *
 * @module
 */
import { DETECTION_NUMBERS } from "./_detect_request.ts";
import { KEYLESS_PATHS } from "./_keys.ts";
import { UNLIMITED_PATHS } from "./_rate_limit.ts";
import { type Method, ROUTES } from "./_routes.ts";

/** What a service has. */
export interface DescribedService {
  /** Of Earshot. */
  version: string;
  /** Whether it has several heads, or can be taught some. */
  hasHeads: boolean;
  /** Whether it has a page at `/ui`. */
  hasPage: boolean;
  /** Names of models, where there are several. @default one, which has none */
  models?: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const inJson = (schema: Json) => ({ "application/json": { schema } });
const query = (name: string, schema: Json, description: string) => {
  return { name, in: "query", schema, description };
};
const BOOLEAN = { type: "boolean", default: false };

const TOP_K = { type: "integer", minimum: 1 };
const SCORE_FUNCTION = { type: "string", enum: ["softmax", "sigmoid", "none"] };

/** Parameters of a clip; in a query, in a form, and in JSON. */
const CLIP_PARAMETERS = [
  query("top_k", TOP_K, "how many classes, the best first"),
  query("function_to_apply", SCORE_FUNCTION, "what makes scores of logits; the model's by default"),
  query("raw_scores", BOOLEAN, "scores of the model alone, without what was fitted to them"),
];

const HEAD_PARAMETER = query("head", { type: "string" }, "the head that answers");

/** The bytes of a recording, of any format that is decoded; no content type is needed. */
const AUDIO = { "audio/*": {}, "application/octet-stream": {} };

const CLIP_BODY = {
  required: true,
  description: "A recording as it is, in JSON in base64, or as a file of a form; gzip is unpacked.",
  content: {
    ...AUDIO,
    ...inJson(ref("ClipInJson")),
    "multipart/form-data": { schema: ref("ClipInForm") },
  },
};

const DETECT_PARAMETERS = [
  ...Object.entries(DETECTION_NUMBERS).map(([field, [, minimum, maximum]]) => {
    return query(field, { type: "number", minimum, maximum }, "the model's by default");
  }),
  query("threshold", ref("Score"), "score from which a class is heard"),
  query("off_threshold", ref("Score"), "score below which it no longer is"),
  query("scores", BOOLEAN, "also the scores of each window"),
  query("began", BOOLEAN, "also an event as soon as it begins"),
  query("raw_scores", BOOLEAN, "scores of the model alone"),
  query("top_k", { ...TOP_K, default: 5 }, "how many classes a window's scores have"),
  query("rate", { type: "integer", minimum: 100, maximum: 768_000 }, "hertz of bare samples"),
  query("encoding", { type: "string", enum: ["s16", "f32"] }, "how bare samples are written"),
  query("channels", { type: "integer", minimum: 1, maximum: 64 }, "channels of bare samples"),
];

const SCHEMAS = {
  Score: { type: "number", minimum: 0, maximum: 1 },
  Classification: {
    type: "object",
    required: ["label", "score"],
    properties: { label: { type: "string" }, score: { type: "number" } },
  },
  Classifications: { type: "array", items: ref("Classification"), description: "Best first." },
  Event: {
    type: "object",
    required: ["start", "end", "label", "score", "state"],
    properties: {
      start: { type: "number", description: "Seconds from the first sample." },
      end: { type: "number" },
      label: { type: "string" },
      score: ref("Score"),
      state: { type: "string", enum: ["began", "ended"] },
    },
  },
  Scores: {
    type: "object",
    required: ["start", "end", "scores"],
    properties: {
      start: { type: "number" },
      end: { type: "number" },
      scores: ref("Classifications"),
    },
  },
  Error: {
    type: "object",
    required: ["error"],
    properties: { error: { type: "string", description: "One line." } },
  },
  Warning: {
    type: "object",
    required: ["warning"],
    properties: { warning: { type: "string", description: "What was odd about a recording." } },
  },
  ClipInJson: {
    type: "object",
    required: ["inputs"],
    properties: {
      inputs: { type: "string", contentEncoding: "base64", description: "Or a data URL." },
      parameters: {
        type: ["object", "null"],
        properties: {
          top_k: { type: ["integer", "string", "null"] },
          function_to_apply: { type: ["string", "null"], enum: [...SCORE_FUNCTION.enum, null] },
          raw_scores: { type: ["boolean", "string", "null"] },
        },
      },
    },
  },
  ClipInForm: {
    type: "object",
    required: ["file"],
    properties: { file: { type: "string", contentMediaType: "application/octet-stream" } },
    additionalProperties: { type: "string" },
  },
  Status: {
    type: "object",
    required: ["status"],
    properties: { status: { type: "string" } },
  },
  Taught: {
    type: "object",
    properties: {
      name: { type: "string" },
      labels: { type: "object", additionalProperties: { type: "integer" } },
      ready: { type: "boolean" },
      saved: { type: "boolean" },
    },
  },
  Heads: {
    type: "object",
    properties: {
      heads: {
        type: "array",
        items: {
          type: "object",
          properties: {
            name: { type: "string" },
            labels: { type: "array", items: { type: "string" } },
          },
        },
      },
    },
  },
};

const WARNING = {
  description: "What was odd about the clip, or ignored in the request.",
  schema: { type: "string" },
};

const found = (description: string, content?: Json, headers?: Json) => ({
  description,
  ...headers && { headers },
  ...content && { content },
});

const CLASSES = found("The classes", inJson(ref("Classifications")), {
  "X-Earshot-Warning": WARNING,
});

/** What each operation takes and gives, beside its errors. */
const OPERATIONS: Readonly<Record<string, Json>> = {
  "GET /": { responses: { 200: found("This service", inJson({ type: "object" })) } },
  "POST /": {
    parameters: [...CLIP_PARAMETERS, HEAD_PARAMETER],
    requestBody: CLIP_BODY,
    responses: { 200: CLASSES },
  },
  "POST /detect": {
    parameters: [...DETECT_PARAMETERS, HEAD_PARAMETER],
    requestBody: {
      required: true,
      description: "A recording as it is, or as a file of a form behind its fields.",
      content: { ...AUDIO, "multipart/form-data": { schema: ref("ClipInForm") } },
    },
    responses: {
      200: found("A line for each event, or for the scores of a window", {
        "application/x-ndjson": {
          schema: {
            anyOf: [ref("Event"), ref("Scores"), ref("Warning"), ref("Error")],
          },
        },
      }),
    },
  },
  "GET /stream": {
    parameters: [
      ...DETECT_PARAMETERS,
      HEAD_PARAMETER,
      query("progress", BOOLEAN, "also how many bytes have been heard"),
    ],
    responses: { 101: found("A WebSocket: sound in binary messages, findings in JSON") },
  },
  "GET /heads": { responses: { 200: found("The heads", inJson(ref("Heads"))) } },
  "POST /heads": {
    parameters: CLIP_PARAMETERS,
    requestBody: CLIP_BODY,
    responses: {
      200: found(
        "The classes by each head",
        inJson({ type: "object", additionalProperties: ref("Classifications") }),
      ),
    },
  },
  "POST /heads/NAME": {
    parameters: CLIP_PARAMETERS,
    requestBody: CLIP_BODY,
    responses: { 200: CLASSES },
  },
  "DELETE /heads/NAME": { responses: { 204: found("It is forgotten") } },
  "POST /heads/NAME/examples": {
    parameters: [{ ...query("label", { type: "string" }, "what it is"), required: true }],
    requestBody: CLIP_BODY,
    responses: { 200: found("The head as it stands", inJson(ref("Taught"))) },
  },
  "GET /heads/NAME/files": {
    responses: { 200: found("The head's directory, zipped", { "application/zip": {} }) },
  },
  "GET /metrics": { responses: { 200: found("Counts", { "text/plain": {} }) } },
  "GET /openapi.json": { responses: { 200: found("This document", inJson({ type: "object" })) } },
  "GET /docs": { responses: { 200: found("A page", { "text/html": {} }) } },
  "GET /ui": { responses: { 200: found("A page", { "text/html": {} }) } },
};

/** What each status says that is no answer. */
const REFUSALS: Readonly<Record<string, string>> = {
  400: "A parameter, a header or the body is not as it has to be",
  401: "A key or a token is missing or wrong",
  403: "Not for this client: its origin, or nobody may teach",
  404: "There is no head of this name",
  408: "The body came too slowly",
  409: "The head cannot be taught so, or too many are",
  413: "The body is too large, or unfolds to more than may be",
  415: "The body is no audio that is read here",
  422: "The recording cannot be decoded, or is too short",
  426: "This takes a WebSocket",
  429: "The client asks more often than it may",
  431: "The headers are more than the host takes",
  500: "The service failed on this request",
  501: "This host or this model cannot do it",
  503: "Too much is in hand, the model cannot be loaded, or the service is ending",
};

/** When to come again. */
const RETRY_AFTER = {
  "Retry-After": { description: "In seconds.", schema: { type: "integer", minimum: 1 } },
};

const OF_CLIPS = [400, 408, 413, 415, 422, 500, 503];

/** The statuses of each operation, but for those that all have. */
const REFUSED_WITH: Readonly<Record<string, readonly number[]>> = {
  "POST /": [...OF_CLIPS, 404],
  "POST /detect": [...OF_CLIPS, 404, 501],
  "GET /stream": [400, 403, 426, 501, 503],
  "GET /heads": [503],
  "POST /heads": OF_CLIPS,
  "POST /heads/NAME": [...OF_CLIPS, 404],
  "DELETE /heads/NAME": [401, 403, 404, 503],
  "POST /heads/NAME/examples": [...OF_CLIPS, 401, 403, 409],
  "GET /heads/NAME/files": [401, 403, 404, 409],
};

/** Refusals of an operation, each by the component of its status. */
function refusals(method: string, path: string): Json {
  const statuses = new Set([...REFUSED_WITH[`${method} ${path}`] ?? [], 431]);
  if (!KEYLESS_PATHS.includes(path)) statuses.add(401);
  if (!UNLIMITED_PATHS.includes(path)) statuses.add(429);
  const refs = Array.from(statuses, (status) => {
    return [status, { $ref: `#/components/responses/${status}` }];
  });
  return Object.fromEntries(refs);
}

function refusal(status: string, description: string): Json {
  const comesAgain = status === "429" || status === "503";
  return found(description, inJson(ref("Error")), comesAgain ? RETRY_AFTER : undefined);
}

const PROBE = {
  responses: {
    200: found("Yes", inJson(ref("Status"))),
    503: found("Not now", inJson(ref("Status"))),
  },
};

const NAME_PARAMETER = {
  ...{ name: "name", in: "path", required: true, schema: { type: "string" } },
  description: "the head's name",
};

/** The document, as it goes into JSON. */
export function openapiOf(
  { version, hasHeads, hasPage, models = [] }: DescribedService,
): Json {
  const routes = Object.keys(ROUTES).filter((path) =>
    (hasHeads || !path.startsWith("/heads")) && (hasPage || path !== "/ui")
  );
  const places = ["", ...models.map((name) => `/models/${name}`)];
  const paths = places.flatMap((place) =>
    routes.filter((path) => place === "" || !isOfAll(path)).map((path) => {
      return [placed(place, path), pathItem(path, place)];
    })
  );
  return {
    openapi: "3.1.0",
    info: {
      title: "Earshot",
      version,
      description: "Classes and events of sound, as Hugging Face's clients ask for them.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: ".", description: "this service" }],
    security: [{}, { bearer: [] }, { key: [] }],
    paths: Object.fromEntries(paths),
    components: {
      schemas: SCHEMAS,
      responses: Object.fromEntries(
        Object.entries(REFUSALS).map(([status, text]) => [status, refusal(status, text)]),
      ),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        key: { type: "apiKey", in: "header", name: "x-api-key" },
      },
    },
  };
}

/** Whether a route is the whole service's, not one model's. */
function isOfAll(path: string): boolean {
  return ["/livez", "/metrics", "/openapi.json", "/docs", "/ui"].includes(path);
}

function placed(place: string, path: string): string {
  return `${place}${path === "/" && place !== "" ? "" : path}`.replace("NAME", "{name}");
}

function pathItem(path: string, place: string): Json {
  const operations = Object.entries(ROUTES[path]!).map(([method, summary]) => {
    const { responses, ...rest } = OPERATIONS[`${method} ${path}`] ?? PROBE;
    const id = operationId(method as Method, `${place}${path}`);
    return [method.toLowerCase(), {
      ...{ operationId: id, summary, ...rest },
      responses: {
        ...refusals(method, path),
        ...responses as Json,
        default: found("What was wrong", inJson(ref("Error"))),
      },
    }];
  });
  const parameters = path.includes("NAME") ? { parameters: [NAME_PARAMETER] } : {};
  return { ...parameters, ...Object.fromEntries(operations) };
}

/** Such as `postHeadsName`. */
function operationId(method: Method, path: string): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const name = words.map((word) => word[0]!.toUpperCase() + word.slice(1).toLowerCase()).join("");
  return `${method.toLowerCase()}${name || "Root"}`;
}
