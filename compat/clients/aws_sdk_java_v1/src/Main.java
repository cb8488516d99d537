import com.amazonaws.AmazonServiceException;
import com.amazonaws.ClientConfiguration;
import com.amazonaws.HttpMethod;
import com.amazonaws.auth.DefaultAWSCredentialsProviderChain;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.retry.PredefinedRetryPolicies;
import com.amazonaws.services.s3.AmazonS3;
import com.amazonaws.services.s3.AmazonS3ClientBuilder;
import com.amazonaws.services.s3.internal.SkipMd5CheckStrategy;
import com.amazonaws.services.s3.model.*;
import com.amazonaws.services.s3.transfer.TransferManager;
import com.amazonaws.services.s3.transfer.TransferManagerBuilder;
import com.amazonaws.util.IOUtils;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Main ENDPOINT path|virtual: the AWS SDK for Java v1, with its TransferManager. */
public final class Main {
    private final String endpoint;
    private final boolean virtual;
    private final AmazonS3 s3;
    private final TransferManager transfers;

    private Main(String endpoint, boolean virtual) {
        this.endpoint = endpoint;
        this.virtual = virtual;
        s3 = client(true);
        transfers = TransferManagerBuilder.standard().withS3Client(s3).build();
    }

    public static void main(String[] arguments) throws Exception {
        Protocol.serve(new Main(arguments[0], arguments[1].equals("virtual"))::command, Main::told);
        // The transfer manager leaves threads behind.
        System.exit(0);
    }

    private static String told(Throwable failure) {
        return failure instanceof AmazonServiceException answered
                ? answered.getStatusCode() + " " + answered.getErrorCode()
                : "";
    }

    private AmazonS3 client(boolean chunked) {
        var settings = new ClientConfiguration().withRetryPolicy(PredefinedRetryPolicies.NO_RETRY_POLICY);
        // It decides which proxy of the environment is taken.
        settings.setProtocol(endpoint.startsWith("https:")
                ? com.amazonaws.Protocol.HTTPS
                : com.amazonaws.Protocol.HTTP);
        var builder = AmazonS3ClientBuilder.standard()
                .withCredentials(DefaultAWSCredentialsProviderChain.getInstance())
                .withEndpointConfiguration(new EndpointConfiguration(endpoint, "us-east-1"))
                .withPathStyleAccessEnabled(!virtual)
                .withClientConfiguration(settings);
        builder.setChunkedEncodingDisabled(!chunked);
        return builder.build();
    }

    private Protocol.Command command(String name) {
        return switch (name) {
            case "make_bucket" -> w -> nothing(s3.createBucket(w.has("location")
                    ? new CreateBucketRequest(w.get("bucket"), w.get("location"))
                    : new CreateBucketRequest(w.get("bucket"))));
            case "remove_bucket" -> w -> {
                s3.deleteBucket(w.get("bucket"));
                return null;
            };
            case "buckets" -> w -> s3.listBuckets().stream().map(Bucket::getName).toList();
            case "put" -> w -> nothing(transfers.upload(w.get("bucket"), w.get("key"), new File(w.get("file")))
                    .waitForUploadResult());
            case "get" -> w -> {
                transfers.download(w.get("bucket"), w.get("key"), new File(w.get("file"))).waitForCompletion();
                return null;
            };
            case "keys" -> this::keys;
            case "delete" -> this::delete;
            case "delete_below" -> this::deleteBelow;
            case "copy" -> w -> nothing(
                    s3.copyObject(w.get("bucket"), w.get("key"), w.get("bucket"), w.get("target")));
            case "read" -> w -> body(request(w).withRange(w.number("start"), w.number("last")));
            case "get_object" -> this::getObject;
            case "presign" -> w -> s3.generatePresignedUrl(w.get("bucket"), w.get("key"),
                    new java.util.Date(System.currentTimeMillis() + 600_000),
                    HttpMethod.valueOf(w.has("method") ? w.get("method") : "GET")).toString();
            case "put_object" -> this::putObject;
            case "head" -> this::head;
            case "multipart" -> this::multipart;
            case "copy_parts" -> this::copyParts;
            case "abort" -> this::abort;
            case "tag" -> w -> nothing(s3.setObjectTagging(new SetObjectTaggingRequest(w.get("bucket"), w.get("key"),
                    new ObjectTagging(List.of(new Tag(w.get("name"), w.get("value")))))));
            case "tags" -> w -> s3.getObjectTagging(new GetObjectTaggingRequest(w.get("bucket"), w.get("key")))
                    .getTagSet().stream().collect(Collectors.toMap(Tag::getKey, Tag::getValue));
            case "versioning" -> w -> {
                s3.setBucketVersioningConfiguration(new SetBucketVersioningConfigurationRequest(w.get("bucket"),
                        new BucketVersioningConfiguration(BucketVersioningConfiguration.ENABLED)));
                return null;
            };
            case "versions" -> this::versions;
            default -> null;
        };
    }

    private static Object nothing(Object result) {
        return null;
    }

    private List<String> keys(Protocol.Words w) {
        var found = new ArrayList<String>();
        var request = new ListObjectsV2Request().withBucketName(w.get("bucket")).withPrefix(w.get("prefix"));
        ListObjectsV2Result page;
        do {
            page = s3.listObjectsV2(request);
            page.getObjectSummaries().forEach(object -> found.add(object.getKey()));
            request.setContinuationToken(page.getNextContinuationToken());
        } while (page.isTruncated());
        return found;
    }

    private Object delete(Protocol.Words w) {
        if (w.has("version")) {
            s3.deleteVersion(w.get("bucket"), w.get("key"), w.get("version"));
        } else {
            s3.deleteObject(w.get("bucket"), w.get("key"));
        }
        return null;
    }

    private Object deleteBelow(Protocol.Words w) {
        var doomed = keys(w).stream().map(DeleteObjectsRequest.KeyVersion::new).toList();
        return nothing(s3.deleteObjects(new DeleteObjectsRequest(w.get("bucket")).withKeys(doomed)));
    }

    private static GetObjectRequest request(Protocol.Words w) {
        return new GetObjectRequest(w.get("bucket"), w.get("key"), w.get("version"));
    }

    private String body(GetObjectRequest request) throws Exception {
        try (S3Object found = s3.getObject(request)) {
            if (found == null) {
                throw new IllegalStateException("nothing, which stands for 304 and 412");
            }
            return HexFormat.of().formatHex(IOUtils.toByteArray(found.getObjectContent()));
        }
    }

    private Object getObject(Protocol.Words w) throws Exception {
        GetObjectRequest request = request(w);
        String[] range = w.has("range") ? w.get("range").substring("bytes=".length()).split("-") : null;
        if (range != null && range[0].isEmpty()) {
            // Of a range that it did not make itself the SDK compares the sum with the whole object's.
            System.setProperty(SkipMd5CheckStrategy.DISABLE_GET_OBJECT_MD5_VALIDATION_PROPERTY, "true");
            request.putCustomRequestHeader("Range", w.get("range"));
        } else if (range != null && range.length == 1) {
            request.setRange(Long.parseLong(range[0]));
        } else if (range != null) {
            request.setRange(Long.parseLong(range[0]), Long.parseLong(range[1]));
        }
        if (w.has("if_match")) {
            request.putCustomRequestHeader("If-Match", w.get("if_match"));
        }
        if (w.has("if_none_match")) {
            request.putCustomRequestHeader("If-None-Match", w.get("if_none_match"));
        }
        return body(request);
    }

    private Object putObject(Protocol.Words w) throws Exception {
        var file = new File(w.get("file"));
        var facts = new ObjectMetadata();
        facts.setContentLength(file.length());
        if (w.has("content_type")) {
            facts.setContentType(w.get("content_type"));
        }
        if (w.has("mark")) {
            facts.addUserMetadata("mark", w.get("mark"));
        }
        try (InputStream body = new FileInputStream(file)) {
            var request = w.has("stream")
                    ? new PutObjectRequest(w.get("bucket"), w.get("key"), body, facts)
                    : new PutObjectRequest(w.get("bucket"), w.get("key"), file).withMetadata(facts);
            if (w.has("tagging")) {
                String[] pair = w.get("tagging").split("=");
                request.setTagging(new ObjectTagging(List.of(new Tag(pair[0], pair[1]))));
            }
            condition(request, w);
            PutObjectResult done = (w.has("unchunked") ? client(false) : s3).putObject(request);
            return facts("etag", "\"" + done.getETag() + "\"", "version", done.getVersionId());
        }
    }

    private static void condition(com.amazonaws.AmazonWebServiceRequest request, Protocol.Words w) {
        if (w.has("if_match")) {
            request.putCustomRequestHeader("If-Match", w.get("if_match"));
        }
        if (w.has("if_none_match")) {
            request.putCustomRequestHeader("If-None-Match", w.get("if_none_match"));
        }
    }

    private Object head(Protocol.Words w) {
        ObjectMetadata found = s3.getObjectMetadata(
                new GetObjectMetadataRequest(w.get("bucket"), w.get("key"), w.get("version")));
        return facts("etag", found.getETag(), "size", found.getContentLength(),
                "content_type", found.getContentType(), "mark", found.getUserMetaDataOf("mark"),
                "version", found.getVersionId());
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
        return s3.initiateMultipartUpload(new InitiateMultipartUploadRequest(w.get("bucket"), key)).getUploadId();
    }

    private Object complete(Protocol.Words w, String key, String upload, List<PartETag> parts) {
        var request = new CompleteMultipartUploadRequest(w.get("bucket"), key, upload, parts);
        condition(request, w);
        CompleteMultipartUploadResult done = s3.completeMultipartUpload(request);
        return facts("etag", done.getETag(), "version", done.getVersionId());
    }

    private Object multipart(Protocol.Words w) throws Exception {
        byte[] body = Files.readAllBytes(new File(w.get("file")).toPath());
        String upload = begin(w, w.get("key"));
        int size = w.number("part_size");
        var parts = new ArrayList<PartETag>();
        for (int at = 0; at < body.length; at += size) {
            byte[] piece = Arrays.copyOfRange(body, at, Math.min(at + size, body.length));
            parts.add(s3.uploadPart(new UploadPartRequest().withBucketName(w.get("bucket")).withKey(w.get("key"))
                    .withUploadId(upload).withPartNumber(parts.size() + 1).withPartSize(piece.length)
                    .withInputStream(new ByteArrayInputStream(piece))).getPartETag());
        }
        return complete(w, w.get("key"), upload, parts);
    }

    /** An object made of ranges of another. */
    private Object copyParts(Protocol.Words w) {
        String upload = begin(w, w.get("target"));
        long size = w.number("part_size");
        long total = w.number("size");
        var parts = new ArrayList<PartETag>();
        for (long at = 0; at < total; at += size) {
            parts.add(s3.copyPart(new CopyPartRequest().withSourceBucketName(w.get("bucket"))
                    .withSourceKey(w.get("key")).withDestinationBucketName(w.get("bucket"))
                    .withDestinationKey(w.get("target")).withUploadId(upload).withPartNumber(parts.size() + 1)
                    .withFirstByte(at).withLastByte(Math.min(at + size, total) - 1)).getPartETag());
        }
        return complete(w, w.get("target"), upload, parts);
    }

    /** An upload that is given up: those that are listed before it is, and after. */
    private Object abort(Protocol.Words w) {
        String upload = begin(w, w.get("key"));
        List<String> before = uploads(w);
        s3.abortMultipartUpload(new AbortMultipartUploadRequest(w.get("bucket"), w.get("key"), upload));
        return List.of(before, uploads(w));
    }

    private List<String> uploads(Protocol.Words w) {
        return s3.listMultipartUploads(new ListMultipartUploadsRequest(w.get("bucket"))).getMultipartUploads()
                .stream().map(MultipartUpload::getKey).toList();
    }

    private Object versions(Protocol.Words w) {
        var found = Map.of("versions", new ArrayList<String>(), "markers", new ArrayList<String>());
        var page = s3.listVersions(w.get("bucket"), null);
        while (true) {
            page.getVersionSummaries().forEach(version ->
                    found.get(version.isDeleteMarker() ? "markers" : "versions").add(version.getVersionId()));
            if (!page.isTruncated()) {
                return found;
            }
            page = s3.listNextBatchOfVersions(page);
        }
    }
}
