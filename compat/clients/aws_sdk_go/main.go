// aws_sdk_go ENDPOINT path|virtual: the AWS SDK for Go v2, with its transfer manager.
package main

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const yes = "yes"

var (
	ctx      = context.Background()
	client   *s3.Client
	transfer *transfermanager.Client
)

func main() {
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		panic(err)
	}
	client = s3.NewFromConfig(settings, func(options *s3.Options) {
		options.BaseEndpoint = &os.Args[1]
		options.UsePathStyle = os.Args[2] == "path"
		options.RetryMaxAttempts = 1
	})
	transfer = transfermanager.New(client)
	serve(map[string]command{
		"make_bucket":   makeBucket,
		"remove_bucket": removeBucket,
		"buckets":       buckets,
		"put":           put,
		"get":           get,
		"keys":          keys,
		"delete":        remove,
		"delete_below":  removeBelow,
		"copy":          copyObject,
		"read":          read,
		"presign":       presign,
		"put_object":    putObject,
		"get_object":    getObject,
		"head":          head,
		"multipart":     multipart,
		"copy_parts":    copyParts,
		"abort":         abort,
		"tag":           tag,
		"tags":          tags,
		"versioning":    versioning,
		"versions":      versions,
	})
}

func makeBucket(w words) (any, error) {
	input := s3.CreateBucketInput{Bucket: w.text("bucket")}
	if place, there := w["location"]; there {
		input.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(place),
		}
	}
	_, err := client.CreateBucket(ctx, &input)
	return nil, err
}

func removeBucket(w words) (any, error) {
	_, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: w.text("bucket")})
	return nil, err
}

func buckets(words) (any, error) {
	found := []string{}
	pages := s3.NewListBucketsPaginator(client, &s3.ListBucketsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, bucket := range page.Buckets {
			found = append(found, *bucket.Name)
		}
	}
	return found, nil
}

func put(w words) (any, error) {
	file, err := os.Open(w["file"])
	if err != nil {
		return nil, err
	}
	defer file.Close()
	_, err = transfer.UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: w.text("bucket"), Key: w.text("key"), Body: file,
	})
	return nil, err
}

func get(w words) (any, error) {
	file, err := os.Create(w["file"])
	if err != nil {
		return nil, err
	}
	defer file.Close()
	_, err = transfer.DownloadObject(ctx, &transfermanager.DownloadObjectInput{
		Bucket: w.text("bucket"), Key: w.text("key"), WriterAt: file,
	})
	return nil, err
}

func keys(w words) (any, error) {
	found := []string{}
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{
		Bucket: w.text("bucket"), Prefix: w.text("prefix"),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			found = append(found, *object.Key)
		}
	}
	return found, nil
}

func remove(w words) (any, error) {
	_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: w.text("bucket"), Key: w.text("key"), VersionId: w.text("version"),
		IfMatch: w.text("if_match"),
	})
	return nil, err
}

func removeBelow(w words) (any, error) {
	found, err := keys(w)
	if err != nil {
		return nil, err
	}
	doomed := types.Delete{}
	for _, key := range found.([]string) {
		doomed.Objects = append(doomed.Objects, types.ObjectIdentifier{Key: &key})
	}
	done, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: w.text("bucket"), Delete: &doomed,
	})
	if err == nil && len(done.Errors) > 0 {
		err = errors.New(*done.Errors[0].Code)
	}
	return nil, err
}

func source(w words) *string {
	parts := strings.Split(w["bucket"]+"/"+w["key"], "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(part), "+", "%20")
	}
	return aws.String(strings.Join(parts, "/"))
}

func copyObject(w words) (any, error) {
	_, err := client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: w.text("bucket"), Key: w.text("target"), CopySource: source(w),
		CopySourceIfMatch: w.text("if_match"),
	})
	return nil, err
}

func read(w words) (any, error) {
	body, err := open(w, &s3.GetObjectInput{
		Range: aws.String("bytes=" + w["start"] + "-" + w["last"]),
	})
	return hex.EncodeToString(body), err
}

func open(w words, input *s3.GetObjectInput) ([]byte, error) {
	input.Bucket, input.Key, input.VersionId = w.text("bucket"), w.text("key"), w.text("version")
	got, err := client.GetObject(ctx, input)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	return io.ReadAll(got.Body)
}

func getObject(w words) (any, error) {
	body, err := open(w, &s3.GetObjectInput{
		Range:        w.text("range"),
		IfMatch:      w.text("if_match"),
		IfNoneMatch:  w.text("if_none_match"),
		ChecksumMode: types.ChecksumModeEnabled,
	})
	return hex.EncodeToString(body), err
}

func presign(w words) (any, error) {
	presigner := s3.NewPresignClient(client)
	var request *v4.PresignedHTTPRequest
	var err error
	if w["method"] == http.MethodPut {
		request, err = presigner.PresignPutObject(ctx, &s3.PutObjectInput{
			Bucket: w.text("bucket"), Key: w.text("key"),
		})
	} else {
		request, err = presigner.PresignGetObject(ctx, &s3.GetObjectInput{
			Bucket: w.text("bucket"), Key: w.text("key"),
		})
	}
	if err != nil {
		return nil, err
	}
	return request.URL, nil
}

// A body that cannot be read twice: over http the SDK cannot sign it, over https it has a trailer.
type stream struct{ io.Reader }

func unsummed(options *s3.Options) {
	options.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
}

func isPlain() bool {
	return strings.HasPrefix(os.Args[1], "http:")
}

func putObject(w words) (any, error) {
	file, err := os.Open(w["file"])
	if err != nil {
		return nil, err
	}
	defer file.Close()
	input := s3.PutObjectInput{
		Bucket: w.text("bucket"), Key: w.text("key"), Body: file,
		ChecksumAlgorithm: types.ChecksumAlgorithm(w["checksum"]),
		IfMatch:           w.text("if_match"),
		IfNoneMatch:       w.text("if_none_match"),
		ContentType:       w.text("content_type"),
		Tagging:           w.text("tagging"),
	}
	if mark, there := w["mark"]; there {
		input.Metadata = map[string]string{"mark": mark}
	}
	options := []func(*s3.Options){}
	if w["unsummed"] == yes {
		options = append(options, unsummed)
	}
	if w["unchunked"] == yes {
		return nil, cannot("frames no body by choice")
	}
	if w["stream"] == yes && isPlain() && w["checksum"] != "" {
		return nil, cannot("sums no stream over plain HTTP")
	}
	if w["stream"] == yes {
		facts, err := file.Stat()
		if err != nil {
			return nil, err
		}
		input.Body, input.ContentLength = stream{file}, aws.Int64(facts.Size())
		if isPlain() {
			options = append(options,
				s3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware),
				unsummed)
		}
	}
	done, err := client.PutObject(ctx, &input, options...)
	if err != nil {
		return nil, err
	}
	return map[string]any{"etag": done.ETag, "version": done.VersionId}, nil
}

func head(w words) (any, error) {
	found, err := client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: w.text("bucket"), Key: w.text("key"), VersionId: w.text("version"),
		ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"etag":         found.ETag,
		"size":         found.ContentLength,
		"content_type": found.ContentType,
		"mark":         found.Metadata["mark"],
		"version":      found.VersionId,
		"checksums": map[string]*string{
			"CRC32": found.ChecksumCRC32, "CRC32C": found.ChecksumCRC32C,
			"CRC64NVME": found.ChecksumCRC64NVME, "SHA1": found.ChecksumSHA1,
			"SHA256": found.ChecksumSHA256, "SHA512": found.ChecksumSHA512,
		},
	}, nil
}
