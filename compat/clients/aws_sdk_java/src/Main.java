import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.DeleteMarkerEntry;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.MultipartUpload;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.ObjectVersion;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.S3Object;
import software.amazon.awssdk.services.s3.model.Tag;
import software.amazon.awssdk.services.s3.model.UploadPartResponse;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;

/** Main ENDPOINT path|virtual HTTP: the AWS SDK for Java v2 over one of its HTTP clients. */
public final class Main {
    private static final Duration PRESIGNED = Duration.ofHours(1);

    private final Clients clients;
    private final S3Client s3;
    private final S3Presigner presigner;
    private final String host;

    private Main(URI endpoint, boolean virtual, String http) {
        clients = new Clients(endpoint, virtual, http);
        s3 = clients.operations();
        host = endpoint.getHost();
        presigner = S3Presigner.builder().endpointOverride(endpoint).region(Region.US_EAST_1)
                .serviceConfiguration(S3Configuration.builder().pathStyleAccessEnabled(!virtual).build()).build();
    }

    public static void main(String[] arguments) throws Exception {
        var main = new Main(URI.create(arguments[1]), arguments[2].equals("virtual"), arguments[0]);
        Protocol.serve(name -> {
            Protocol.Command command = main.command(name);
            return command == null ? null : words -> {
                main.announce(words.get("bucket"));
                return command.run(words);
            };
        }, Main::told);
        // Some HTTP clients leave threads behind.
        System.exit(0);
    }

    private static String told(Throwable failure) {
        if (!(failure instanceof AwsServiceException answered)) {
            return "";
        }
        var details = answered.awsErrorDetails();
        return answered.statusCode() + " " + (details == null ? "" : details.errorCode());
    }

    /** No resolver knows the names of buckets: all are here. The file is read at each look-up. */
    private void announce(String bucket) throws IOException {
        String file = System.getProperty("jdk.net.hosts.file");
        if (file != null && bucket != null) {
            Files.writeString(Path.of(file), "127.0.0.1 " + bucket + "." + host + "\n");
        }
    }

    private Protocol.Command command(String name) {
        return switch (name) {
            case "make_bucket" -> this::makeBucket;
            case "remove_bucket" -> w -> nothing(s3.deleteBucket(r -> r.bucket(w.get("bucket"))));
            case "buckets" -> w -> s3.listBucketsPaginator().buckets().stream().map(bucket -> bucket.name()).toList();
            case "put" -> this::put;
            case "get" -> this::get;
            case "keys" -> this::keys;
            case "delete" -> w -> nothing(s3.deleteObject(
                    r -> r.bucket(w.get("bucket")).key(w.get("key")).versionId(w.get("version"))));
            case "delete_below" -> this::deleteBelow;
            case "copy" -> w -> nothing(s3.copyObject(r -> r.sourceBucket(w.get("bucket")).sourceKey(w.get("key"))
                    .destinationBucket(w.get("bucket")).destinationKey(w.get("target"))));
            case "read" -> w -> read(w, "bytes=" + w.get("start") + "-" + w.get("last"));
            case "get_object" -> w -> read(w, w.get("range"));
            case "presign" -> this::presign;
            case "put_object" -> this::putObject;
            case "head" -> this::head;
            case "multipart" -> this::multipart;
            case "copy_parts" -> this::copyParts;
            case "abort" -> this::abort;
            case "tag" -> w -> nothing(s3.putObjectTagging(r -> r.bucket(w.get("bucket")).key(w.get("key"))
                    .tagging(t -> t.tagSet(Tag.builder().key(w.get("name")).value(w.get("value")).build()))));
            case "tags" -> w -> s3.getObjectTagging(r -> r.bucket(w.get("bucket")).key(w.get("key"))).tagSet()
                    .stream().collect(Collectors.toMap(Tag::key, Tag::value));
            case "versioning" -> w -> nothing(s3.putBucketVersioning(r -> r.bucket(w.get("bucket"))
                    .versioningConfiguration(v -> v.status(BucketVersioningStatus.ENABLED))));
            case "versions" -> this::versions;
            default -> null;
        };
    }

    private static Object nothing(Object response) {
        return null;
    }

    private Object makeBucket(Protocol.Words w) {
        return nothing(s3.createBucket(r -> {
            r.bucket(w.get("bucket"));
            if (w.has("location")) {
                r.createBucketConfiguration(c -> c.locationConstraint(w.get("location")));
            }
        }));
    }

    /** By the transfer manager where there is one: the clients that block have none. */
    private Object put(Protocol.Words w) throws Exception {
        Path file = Path.of(w.get("file"));
        var request = PutObjectRequest.builder().bucket(w.get("bucket")).key(w.get("key")).build();
        if (!clients.isAsync()) {
            return nothing(clients.put(request, file, false, Clients.Framing.USUAL));
        }
        try (var transfers = clients.transfers()) {
            return nothing(transfers.uploadFile(u -> u.putObjectRequest(request).source(file)).completionFuture().join());
        }
    }

    private Object get(Protocol.Words w) throws Exception {
        Path file = Path.of(w.get("file"));
        if (!clients.isAsync()) {
            byte[] body = s3.getObjectAsBytes(r -> r.bucket(w.get("bucket")).key(w.get("key"))).asByteArray();
            return nothing(Files.write(file, body, StandardOpenOption.CREATE));
        }
        try (var transfers = clients.transfers()) {
            return nothing(transfers.downloadFile(d -> d
                    .getObjectRequest(r -> r.bucket(w.get("bucket")).key(w.get("key"))).destination(file))
                    .completionFuture().join());
        }
    }

    private List<String> keys(Protocol.Words w) {
        return s3.listObjectsV2Paginator(r -> r.bucket(w.get("bucket")).prefix(w.get("prefix")))
                .contents().stream().map(S3Object::key).toList();
    }

    private Object deleteBelow(Protocol.Words w) {
        var doomed = keys(w).stream().map(key -> ObjectIdentifier.builder().key(key).build()).toList();
        var done = s3.deleteObjects(r -> r.bucket(w.get("bucket")).delete(d -> d.objects(doomed)));
        if (!done.errors().isEmpty()) {
            throw new IllegalStateException(done.errors().toString());
        }
        return null;
    }

    private String read(Protocol.Words w, String range) {
        return HexFormat.of().formatHex(s3.getObjectAsBytes(r -> r
                .bucket(w.get("bucket")).key(w.get("key")).versionId(w.get("version")).range(range)
                .ifMatch(w.get("if_match")).ifNoneMatch(w.get("if_none_match"))
                .checksumMode(ChecksumMode.ENABLED)).asByteArray());
    }

    private String presign(Protocol.Words w) {
        if ("PUT".equals(w.get("method"))) {
            return presigner.presignPutObject(p -> p.signatureDuration(PRESIGNED)
                    .putObjectRequest(r -> r.bucket(w.get("bucket")).key(w.get("key")))).url().toString();
        }
        return presigner.presignGetObject(p -> p.signatureDuration(PRESIGNED)
                .getObjectRequest(r -> r.bucket(w.get("bucket")).key(w.get("key")))).url().toString();
    }

    private Object putObject(Protocol.Words w) throws Exception {
        var request = PutObjectRequest.builder().bucket(w.get("bucket")).key(w.get("key"))
                .checksumAlgorithm(w.get("checksum")).ifMatch(w.get("if_match")).ifNoneMatch(w.get("if_none_match"))
                .contentType(w.get("content_type")).tagging(w.get("tagging"))
                .metadata(w.has("mark") ? Map.of("mark", w.get("mark")) : null).build();
        var framing = new Clients.Framing(!w.has("unchunked"), !w.has("unsummed"));
        var done = clients.put(request, Path.of(w.get("file")), w.has("stream"), framing);
        return facts("etag", done.eTag(), "version", done.versionId());
    }

    private Object head(Protocol.Words w) {
        HeadObjectResponse found = s3.headObject(r -> r.bucket(w.get("bucket")).key(w.get("key"))
                .versionId(w.get("version")).checksumMode(ChecksumMode.ENABLED));
        return facts("etag", found.eTag(), "size", found.contentLength(), "content_type", found.contentType(),
                "mark", found.metadata().get("mark"), "version", found.versionId(), "checksums", facts(
                        "CRC32", found.checksumCRC32(), "CRC32C", found.checksumCRC32C(),
                        "CRC64NVME", found.checksumCRC64NVME(), "SHA1", found.checksumSHA1(),
                        "SHA256", found.checksumSHA256(), "SHA512", found.checksumSHA512(),
                        "XXHASH64", found.checksumXXHASH64(),
                        "XXHASH3", found.checksumXXHASH3(), "XXHASH128", found.checksumXXHASH128()));
    }

    /** Names and values in turns; values may be null. */
    private static Map<String, Object> facts(Object... pairs) {
        var found = new HashMap<String, Object>();
        for (int at = 0; at < pairs.length; at += 2) {
            found.put((String) pairs[at], pairs[at + 1]);
        }
        return found;
    }

    private String begin(Protocol.Words w, String key) {
        return s3.createMultipartUpload(r -> r.bucket(w.get("bucket")).key(key)
                .checksumAlgorithm(w.get("checksum"))).uploadId();
    }

    private Object complete(Protocol.Words w, String key, String upload, List<CompletedPart> parts) {
        var done = s3.completeMultipartUpload(r -> r.bucket(w.get("bucket")).key(key).uploadId(upload)
                .ifNoneMatch(w.get("if_none_match")).multipartUpload(m -> m.parts(parts)));
        return facts("etag", done.eTag(), "version", done.versionId());
    }

    private Object multipart(Protocol.Words w) throws Exception {
        byte[] body = Files.readAllBytes(Path.of(w.get("file")));
        String upload = begin(w, w.get("key"));
        int size = w.number("part_size");
        var parts = new ArrayList<CompletedPart>();
        for (int at = 0; at < body.length; at += size) {
            int number = parts.size() + 1;
            byte[] piece = java.util.Arrays.copyOfRange(body, at, Math.min(at + size, body.length));
            UploadPartResponse sent = s3.uploadPart(
                    software.amazon.awssdk.services.s3.model.UploadPartRequest.builder().bucket(w.get("bucket"))
                            .key(w.get("key")).uploadId(upload).partNumber(number)
                            .checksumAlgorithm(w.get("checksum")).build(),
                    RequestBody.fromBytes(piece));
            var part = CompletedPart.builder().partNumber(number).eTag(sent.eTag());
            if (w.has("checksum")) {
                // Of an upload that named none, S3 takes none: the SDK sums each part all the same.
                part.checksumCRC32(sent.checksumCRC32()).checksumCRC32C(sent.checksumCRC32C())
                        .checksumCRC64NVME(sent.checksumCRC64NVME()).checksumSHA1(sent.checksumSHA1())
                        .checksumSHA256(sent.checksumSHA256()).checksumSHA512(sent.checksumSHA512())
                        .checksumXXHASH64(sent.checksumXXHASH64())
                        .checksumXXHASH3(sent.checksumXXHASH3()).checksumXXHASH128(sent.checksumXXHASH128());
            }
            parts.add(part.build());
        }
        return complete(w, w.get("key"), upload, parts);
    }

    /** An object made of ranges of another. */
    private Object copyParts(Protocol.Words w) {
        String upload = begin(w, w.get("target"));
        int size = w.number("part_size");
        int total = w.number("size");
        var parts = new ArrayList<CompletedPart>();
        for (int at = 0; at < total; at += size) {
            int number = parts.size() + 1;
            String range = "bytes=" + at + "-" + (Math.min(at + size, total) - 1);
            var copied = s3.uploadPartCopy(r -> r.sourceBucket(w.get("bucket")).sourceKey(w.get("key"))
                    .destinationBucket(w.get("bucket")).destinationKey(w.get("target"))
                    .uploadId(upload).partNumber(number).copySourceRange(range));
            parts.add(CompletedPart.builder().partNumber(number).eTag(copied.copyPartResult().eTag()).build());
        }
        return complete(w, w.get("target"), upload, parts);
    }

    /** An upload that is given up: those that are listed before it is, and after. */
    private Object abort(Protocol.Words w) {
        String upload = begin(w, w.get("key"));
        List<String> before = uploads(w);
        s3.abortMultipartUpload(r -> r.bucket(w.get("bucket")).key(w.get("key")).uploadId(upload));
        return List.of(before, uploads(w));
    }

    private List<String> uploads(Protocol.Words w) {
        return s3.listMultipartUploadsPaginator(r -> r.bucket(w.get("bucket"))).uploads().stream()
                .map(MultipartUpload::key).toList();
    }

    private Object versions(Protocol.Words w) {
        var pages = s3.listObjectVersionsPaginator(r -> r.bucket(w.get("bucket")));
        return Map.of(
                "versions", pages.versions().stream().map(ObjectVersion::versionId).toList(),
                "markers", pages.deleteMarkers().stream().map(DeleteMarkerEntry::versionId).toList());
    }
}
