//! object_store_client ENDPOINT path|virtual: the crate object_store, without Python around it.
//!
//! One line of JSON on the standard input is answered with one on the standard output.

use std::collections::HashMap;
use std::error::Error;
use std::io::Write;
use std::ops::Range;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum, S3CopyIfNotExists};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    ClientOptions, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode,
    RetryConfig, UpdateVersion, WriteMultipart,
};
use serde_json::{Value, json};

type Words = HashMap<String, String>;
type Answer = Result<Value, Box<dyn Error>>;

const PRESIGNED: Duration = Duration::from_secs(600);
const PART: usize = 6 << 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    for line in std::io::stdin().lines() {
        let words: Words = serde_json::from_str(&line?)?;
        let answer = match run(&arguments[1], arguments[2] == "virtual", &words).await {
            Ok(Some(result)) => json!({ "result": result }),
            Ok(None) => json!({ "cannot": format!("has no {}", words["command"]) }),
            Err(error) => json!({ "failed": told(error.as_ref()) }),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// The error with all its causes.
fn told(error: &dyn Error) -> String {
    let mut text = format!("{error:?}: {error}");
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}\n{next}");
        cause = next.source();
    }
    text
}

fn store(endpoint: &str, is_virtual: bool, words: &Words) -> Result<AmazonS3, object_store::Error> {
    let bucket = &words["bucket"];
    let address = match endpoint.split_once("://") {
        Some((scheme, host)) if is_virtual => format!("{scheme}://{bucket}.{host}"),
        _ => endpoint.to_string(),
    };
    let retries = RetryConfig { max_retries: 0, ..Default::default() };
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_endpoint(address)
        .with_region("us-east-1")
        .with_virtual_hosted_style_request(is_virtual)
        .with_copy_if_not_exists(S3CopyIfNotExists::Multipart)
        .with_unsigned_payload(words.contains_key("unsigned"))
        .with_client_options(options())
        .with_retry(retries);
    if let Ok(proxy) = std::env::var("http_proxy") {
        builder = builder.with_proxy_url(proxy);
    }
    match words.get("checksum").map(String::as_str) {
        Some("SHA256") => builder = builder.with_checksum_algorithm(Checksum::SHA256),
        Some("CRC64NVME") => builder = builder.with_checksum_algorithm(Checksum::CRC64NVME),
        _ => (),
    }
    builder.build()
}

fn options() -> ClientOptions {
    let mut options = ClientOptions::new().with_allow_http(true);
    if let Some(text) = std::env::var("SSL_CERT_FILE").ok().and_then(|file| std::fs::read(file).ok())
        && let Ok(certificate) = object_store::Certificate::from_pem(&text)
    {
        options = options.with_root_certificate(certificate);
    }
    options
}

async fn run(
    endpoint: &str,
    is_virtual: bool,
    words: &Words,
) -> Result<Option<Value>, Box<dyn Error>> {
    let s3 = store(endpoint, is_virtual, words)?;
    let answer = match words["command"].as_str() {
        "put" => put(&s3, words).await,
        "get" => get(&s3, words).await,
        "keys" => keys(&s3, words).await,
        "keys_after" => keys_after(&s3, words).await,
        "folders" => folders(&s3, words).await,
        "delete" => nothing(s3.delete(&key(words)?).await),
        "delete_below" => delete_below(&s3, words).await,
        "copy" => nothing(s3.copy(&key(words)?, &target(words)?).await),
        "copy_once" => nothing(s3.copy_if_not_exists(&key(words)?, &target(words)?).await),
        "rename" => nothing(s3.rename(&key(words)?, &target(words)?).await),
        "read" => read(&s3, words).await,
        "presign" => presign(&s3, words).await,
        "put_object" => put_object(&s3, words).await,
        "get_object" => get_object(&s3, words).await,
        "head" => head(&s3, words).await,
        _ => return Ok(None),
    };
    answer.map(Some)
}

fn nothing(done: Result<(), object_store::Error>) -> Answer {
    Ok(done.map(|()| Value::Null)?)
}

fn key(words: &Words) -> Result<Path, object_store::path::Error> {
    Path::parse(&words["key"])
}

fn target(words: &Words) -> Result<Path, object_store::path::Error> {
    Path::parse(&words["target"])
}

fn named(objects: &[ObjectMeta]) -> Vec<String> {
    objects.iter().map(|object| object.location.to_string()).collect()
}

/// In parts when it is long.
async fn put(s3: &AmazonS3, words: &Words) -> Answer {
    let body = std::fs::read(&words["file"])?;
    if body.len() <= PART {
        s3.put(&key(words)?, body.into()).await?;
        return Ok(Value::Null);
    }
    let mut parts = WriteMultipart::new_with_chunk_size(s3.put_multipart(&key(words)?).await?, PART);
    parts.write(&body);
    parts.finish().await?;
    Ok(Value::Null)
}

async fn get(s3: &AmazonS3, words: &Words) -> Answer {
    let mut pieces = s3.get(&key(words)?).await?.into_stream();
    let mut file = std::fs::File::create(&words["file"])?;
    while let Some(piece) = pieces.next().await {
        file.write_all(&piece?)?;
    }
    Ok(Value::Null)
}

async fn keys(s3: &AmazonS3, words: &Words) -> Answer {
    let prefix = Path::parse(&words["prefix"])?;
    let found: Vec<ObjectMeta> = s3.list(Some(&prefix)).try_collect().await?;
    Ok(json!(named(&found)))
}

async fn keys_after(s3: &AmazonS3, words: &Words) -> Answer {
    let after = key(words)?;
    let found: Vec<ObjectMeta> = s3.list_with_offset(None, &after).try_collect().await?;
    Ok(json!(named(&found)))
}

/// The objects of a folder, and the folders in it.
async fn folders(s3: &AmazonS3, words: &Words) -> Answer {
    let found = s3.list_with_delimiter(Some(&Path::parse(&words["prefix"])?)).await?;
    let below: Vec<String> = found.common_prefixes.iter().map(Path::to_string).collect();
    Ok(json!([named(&found.objects), below]))
}

async fn delete_below(s3: &AmazonS3, words: &Words) -> Answer {
    let prefix = Path::parse(&words["prefix"])?;
    let doomed = s3.list(Some(&prefix)).map_ok(|object| object.location).boxed();
    let gone: Vec<Path> = s3.delete_stream(doomed).try_collect().await?;
    Ok(json!(gone.len()))
}

async fn read(s3: &AmazonS3, words: &Words) -> Answer {
    let (start, last): (u64, u64) = (words["start"].parse()?, words["last"].parse()?);
    Ok(json!(hex(&s3.get_range(&key(words)?, start..last + 1).await?)))
}

async fn presign(s3: &AmazonS3, words: &Words) -> Answer {
    let method = words.get("method").map_or("GET", String::as_str).parse()?;
    Ok(json!(s3.signed_url(method, &key(words)?, PRESIGNED).await?.to_string()))
}

async fn put_object(s3: &AmazonS3, words: &Words) -> Answer {
    let mode = match (words.get("if_none_match"), words.get("if_match")) {
        (Some(_), _) => PutMode::Create,
        (_, Some(etag)) => {
            PutMode::Update(UpdateVersion { e_tag: Some(etag.clone()), version: None })
        }
        _ => PutMode::Overwrite,
    };
    let body = std::fs::read(&words["file"])?;
    let done = s3.put_opts(&key(words)?, body.into(), mode.into()).await?;
    Ok(json!({ "etag": done.e_tag, "version": done.version }))
}

async fn get_object(s3: &AmazonS3, words: &Words) -> Answer {
    let wanted = GetOptions {
        if_match: words.get("if_match").cloned(),
        if_none_match: words.get("if_none_match").cloned(),
        range: range(words)?,
        ..Default::default()
    };
    Ok(json!(hex(&s3.get_opts(&key(words)?, wanted).await?.bytes().await?)))
}

/// Of START-LAST, START- or -LENGTH.
fn range(words: &Words) -> Result<Option<GetRange>, Box<dyn Error>> {
    let Some((start, last)) = words.get("range").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    Ok(Some(match (start, last) {
        ("", length) => GetRange::Suffix(length.parse()?),
        (start, "") => GetRange::Offset(start.parse()?),
        (start, last) => {
            GetRange::Bounded(Range { start: start.parse()?, end: last.parse::<u64>()? + 1 })
        }
    }))
}

async fn head(s3: &AmazonS3, words: &Words) -> Answer {
    let found = s3.head(&key(words)?).await?;
    Ok(json!({ "etag": found.e_tag, "size": found.size, "version": found.version }))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
