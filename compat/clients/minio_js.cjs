// node minio_js.cjs ENDPOINT path|virtual COMMAND WORDS...: one command, its result as JSON.
const dns = require("node:dns");
const http = require("node:http");
const minio = require("minio");

const [endpoint, style, command, ...words] = process.argv.slice(2);
const { hostname, port, protocol } = new URL(endpoint);

// No resolver knows the names of buckets: all are here.
const lookup = (host, options, done) => dns.lookup("127.0.0.1", options, done);
const client = new minio.Client({
  endPoint: hostname,
  port: Number(port),
  useSSL: protocol === "https:",
  accessKey: process.env.AWS_ACCESS_KEY_ID,
  secretKey: process.env.AWS_SECRET_ACCESS_KEY,
  pathStyle: style === "path",
  partSize: 10 << 20,
  transportAgent: style === "virtual" ? new http.Agent({ lookup }) : undefined,
});

async function bytes(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function keys(bucket, prefix) {
  const found = [];
  for await (const row of client.listObjectsV2(bucket, prefix, true)) found.push(row.name);
  return found;
}

const commands = {
  keys,
  makeBucket: (bucket) => client.makeBucket(bucket, "us-east-1"),
  removeBucket: (bucket) => client.removeBucket(bucket),
  buckets: async () => (await client.listBuckets()).map((row) => row.name),
  put: (bucket, key, file) => client.fPutObject(bucket, key, file, {}),
  get: (bucket, key, file) => client.fGetObject(bucket, key, file),
  delete: (bucket, key) => client.removeObject(bucket, key),
  deleteBelow: async (bucket, prefix) =>
    client.removeObjects(bucket, await keys(bucket, prefix)),
  copy: (bucket, key, target) =>
    client.copyObject(
      new minio.CopySourceOptions({ Bucket: bucket, Object: key }),
      new minio.CopyDestinationOptions({ Bucket: bucket, Object: target }),
    ),
  read: async (bucket, key, start, stop) => {
    const stream = await client.getPartialObject(bucket, key, Number(start), stop - start);
    return (await bytes(stream)).toString("hex");
  },
  presign: (bucket, key) => client.presignedGetObject(bucket, key),
};

commands[command](...words).then(
  (result) => {
    const told = typeof result === "string" || Array.isArray(result) ? result : null;
    console.log(JSON.stringify(told));
  },
  (error) => {
    console.error(`${error.code}: ${error.message}`);
    process.exitCode = 1;
  },
);
