// A mock OTLP collector that decodes with OpenTelemetry's own schema (the protobuf code inside
// @opentelemetry/otlp-transformer, generated from opentelemetry-proto).
//
//   node otlp/mock_collector.mjs
//
// prints one line of JSON, {"grpc": PORT, "http": PORT, "control": PORT}, and serves on 127.0.0.1
// until its standard input or its process ends:
//   grpc     TraceService/Export, HTTP/2 without TLS
//   http     POST /v1/traces (application/x-protobuf, identity or gzip)
//   control  GET /spans               the spans taken so far, flat, oldest first
//            DELETE /spans            forgets them
//            GET /requests            {"grpc": N, "http": N, "headers": {...of the last one}}
//            POST /behaviour {"mode": ..., "retry_after_s": 1, "rejected": 1}
// Modes: ok, error (not retryable), unavailable (retryable, with RetryInfo / Retry-After when
// retry_after_s > 0), hang (never answers), partial (takes all but `rejected` spans), garbage
// (a success whose message is no protobuf).
import http from "node:http";
import {createRequire} from "node:module";
import zlib from "node:zlib";
import grpc from "@grpc/grpc-js";
import protobuf from "protobufjs/minimal.js";

const require = createRequire(import.meta.url);
const {opentelemetry} = require("@opentelemetry/otlp-transformer/build/src/generated/root.js");
const {ExportTraceServiceRequest, ExportTraceServiceResponse} = opentelemetry.proto.collector.trace.v1;

const state = {mode: "ok", retryAfterS: 0, rejected: 1, spans: [], requests: {grpc: 0, http: 0, headers: {}}};

const hex = (bytes) => Buffer.from(bytes ?? []).toString("hex");
const nanos = (value) => value?.toString() ?? "0";

function plainValue(value) {
    if (value?.stringValue != null) return value.stringValue;
    if (value?.boolValue != null) return value.boolValue;
    if (value?.intValue != null) return Number(value.intValue);
    if (value?.doubleValue != null) return value.doubleValue;
    return null;
}

function plainAttributes(list) {
    const out = {};
    for (const {key, value} of list ?? []) {
        if (key in out) throw new Error(`attribute ${key} twice`);
        out[key] = plainValue(value);
    }
    return out;
}

function flatten(request) {
    const out = [];
    for (const resourceSpans of request.resourceSpans)
        for (const scopeSpans of resourceSpans.scopeSpans)
            for (const span of scopeSpans.spans)
                out.push({
                    resource: plainAttributes(resourceSpans.resource?.attributes),
                    scope: scopeSpans.scope?.name, schemaUrl: scopeSpans.schemaUrl,
                    traceId: hex(span.traceId), spanId: hex(span.spanId), parentSpanId: hex(span.parentSpanId),
                    traceState: span.traceState ?? "", flags: span.flags ?? 0, name: span.name, kind: span.kind,
                    start: nanos(span.startTimeUnixNano), end: nanos(span.endTimeUnixNano),
                    status: {code: span.status?.code ?? 0, message: span.status?.message ?? ""},
                    attributes: plainAttributes(span.attributes),
                    events: (span.events ?? []).map((e) => ({
                        name: e.name, time: nanos(e.timeUnixNano), attributes: plainAttributes(e.attributes)})),
                });
    return out;
}

// What the present mode makes of a request: takes spans, says what to answer.
function receive(bytes, kind, headers) {
    state.requests[kind] += 1;
    state.requests.headers = headers;
    let spans;
    try {
        spans = flatten(ExportTraceServiceRequest.decode(bytes));
    } catch (error) {
        return {answer: "bad", message: String(error)};
    }
    if (state.mode === "ok") state.spans.push(...spans);
    if (state.mode === "partial") state.spans.push(...spans.slice(0, Math.max(0, spans.length - state.rejected)));
    return {answer: state.mode};
}

function success(answer) {
    if (answer === "garbage") return Buffer.from([0xff, 0xff, 0xff, 0xff]);
    const message = answer !== "partial" ? {} :
        {partialSuccess: {rejectedSpans: state.rejected, errorMessage: "these spans are too old"}};
    return Buffer.from(ExportTraceServiceResponse.encode(ExportTraceServiceResponse.create(message)).finish());
}

// google.rpc.Status {code = 1, message = 2, details = 3: Any of RetryInfo {retry_delay = 1}}
function rpcStatus(code, message) {
    const writer = protobuf.Writer.create().uint32(8).int32(code).uint32(18).string(message);
    if (state.retryAfterS > 0) {
        const duration = protobuf.Writer.create().uint32(8).int64(state.retryAfterS).finish();
        const info = protobuf.Writer.create().uint32(10).bytes(duration).finish();
        const any = protobuf.Writer.create()
            .uint32(10).string("type.googleapis.com/google.rpc.RetryInfo").uint32(18).bytes(info).finish();
        writer.uint32(26).bytes(any);
    }
    return Buffer.from(writer.finish());
}

function grpcExport(call, callback) {
    const {answer, message} = receive(call.request, "grpc", call.metadata.getMap());
    if (answer === "hang") return;
    if (answer === "bad" || answer === "error")
        return callback({code: grpc.status.INVALID_ARGUMENT, details: message ?? "refused: 100% sure"});
    if (answer === "unavailable") {
        const metadata = new grpc.Metadata();
        metadata.set("grpc-status-details-bin", rpcStatus(grpc.status.UNAVAILABLE, "overloaded"));
        return callback({code: grpc.status.UNAVAILABLE, details: "overloaded", metadata});
    }
    callback(null, success(answer));
}

function readBody(request, use) {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => use(Buffer.concat(parts)));
}

function httpExport(request, response) {
    readBody(request, (raw) => {
        const reply = (status, body, headers = {}) => {
            response.writeHead(status, {"content-type": "application/x-protobuf", "content-length": body.length, ...headers});
            response.end(body);
        };
        if (request.method !== "POST" || request.url !== "/v1/traces") return reply(404, Buffer.alloc(0));
        if (request.headers["content-type"] !== "application/x-protobuf") return reply(415, Buffer.alloc(0));
        const bytes = request.headers["content-encoding"] === "gzip" ? zlib.gunzipSync(raw) : raw;
        const {answer, message} = receive(bytes, "http", request.headers);
        if (answer === "hang") return;
        if (answer === "bad" || answer === "error") return reply(400, rpcStatus(3, message ?? "refused"));
        if (answer === "unavailable")
            return reply(503, rpcStatus(14, "overloaded"), state.retryAfterS > 0 ? {"retry-after": String(state.retryAfterS)} : {});
        reply(200, success(answer));
    });
}

function control(request, response) {
    readBody(request, (raw) => {
        const reply = (status, value) => {
            response.writeHead(status, {"content-type": "application/json"});
            response.end(JSON.stringify(value));
        };
        const what = `${request.method} ${request.url}`;
        if (what === "GET /spans") return reply(200, state.spans);
        if (what === "DELETE /spans") { state.spans = []; return reply(200, {}); }
        if (what === "GET /requests") return reply(200, state.requests);
        if (what !== "POST /behaviour") return reply(404, {error: `no ${what}`});
        const wanted = JSON.parse(raw.toString() || "{}");
        if (!["ok", "error", "unavailable", "hang", "partial", "garbage"].includes(wanted.mode))
            return reply(400, {error: `no mode ${wanted.mode}`});
        state.mode = wanted.mode;
        state.retryAfterS = wanted.retry_after_s ?? 0;
        state.rejected = wanted.rejected ?? 1;
        reply(200, {mode: state.mode});
    });
}

const listen = (handler) => new Promise((resolve) => {
    const server = http.createServer(handler);
    server.listen(0, "127.0.0.1", () => resolve(server.address().port));
});

const identity = (bytes) => bytes;
const grpcServer = new grpc.Server({"grpc.max_receive_message_length": 4 * 1024 * 1024});
grpcServer.addService({
    Export: {
        path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        requestStream: false, responseStream: false,
        requestSerialize: identity, requestDeserialize: identity,
        responseSerialize: identity, responseDeserialize: identity,
    },
}, {Export: grpcExport});
const grpcPort = await new Promise((resolve, reject) => grpcServer.bindAsync(
    "127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => error ? reject(error) : resolve(port)));

console.log(JSON.stringify({grpc: grpcPort, http: await listen(httpExport), control: await listen(control)}));
process.stdin.on("end", () => process.exit(0)).resume();
