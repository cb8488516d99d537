// node aws_sdk_js.cjs ENDPOINT path|virtual COMMAND WORDS...: one command, its result as JSON.
const dns = require("node:dns");
const fs = require("node:fs");
const http = require("node:http");
const { pipeline } = require("node:stream/promises");
const s3 = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");
const { getSignedUrl } = require("@aws-sdk/s3-request-presigner");

const [endpoint, style, command, ...words] = process.argv.slice(2);

// No resolver knows the names of buckets: all are here.
const lookup = (host, options, done) => dns.lookup("127.0.0.1", options, done);
const client = new s3.S3Client({
  endpoint,
  region: "us-east-1",
  maxAttempts: 1,
  forcePathStyle: style === "path",
  requestHandler: style === "virtual" ? { httpAgent: new http.Agent({ lookup }) } : undefined,
});
const send = (name, input) => client.send(new s3[`${name}Command`](input));
const quoted = (key) => key.split("/").map(encodeURIComponent).join("/");

async function keys(Bucket, Prefix) {
  const found = [];
  for await (const page of s3.paginateListObjectsV2({ client }, { Bucket, Prefix })) {
    found.push(...(page.Contents ?? []).map((row) => row.Key));
  }
  return found;
}

const commands = {
  keys,
  makeBucket: (Bucket) => send("CreateBucket", { Bucket }),
  removeBucket: (Bucket) => send("DeleteBucket", { Bucket }),
  buckets: async () => (await send("ListBuckets", {})).Buckets.map((row) => row.Name),
  // A stream: in parts when it is long.
  put: (Bucket, Key, file) =>
    new Upload({ client, params: { Bucket, Key, Body: fs.createReadStream(file) } }).done(),
  putBytes: (Bucket, Key, file) =>
    send("PutObject", { Bucket, Key, Body: fs.readFileSync(file) }),
  putStream: (Bucket, Key, file) =>
    send("PutObject", {
      Bucket,
      Key,
      Body: fs.createReadStream(file),
      ContentLength: fs.statSync(file).size,
    }),
  get: async (Bucket, Key, file) =>
    pipeline((await send("GetObject", { Bucket, Key })).Body, fs.createWriteStream(file)),
  delete: (Bucket, Key) => send("DeleteObject", { Bucket, Key }),
  deleteBelow: async (Bucket, prefix) => {
    const Objects = (await keys(Bucket, prefix)).map((Key) => ({ Key }));
    const { Errors } = await send("DeleteObjects", { Bucket, Delete: { Objects } });
    if (Errors?.length) throw new Error(JSON.stringify(Errors));
  },
  copy: (Bucket, key, Key) =>
    send("CopyObject", { Bucket, Key, CopySource: `${Bucket}/${quoted(key)}` }),
  read: async (Bucket, Key, start, stop) => {
    const got = await send("GetObject", { Bucket, Key, Range: `bytes=${start}-${stop - 1}` });
    return Buffer.from(await got.Body.transformToByteArray()).toString("hex");
  },
  presign: (Bucket, Key) => getSignedUrl(client, new s3.GetObjectCommand({ Bucket, Key })),
  presignPut: (Bucket, Key) => getSignedUrl(client, new s3.PutObjectCommand({ Bucket, Key })),
};

commands[command](...words).then(
  (result) => {
    const told = typeof result === "string" || Array.isArray(result) ? result : null;
    console.log(JSON.stringify(told));
  },
  (error) => {
    console.error(`${error.name}: ${error.message}`);
    process.exitCode = 1;
  },
);
