package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func begin(w words, key string) (*string, error) {
	begun, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: w.text("bucket"), Key: w.text(key),
		ChecksumAlgorithm: types.ChecksumAlgorithm(w["checksum"]),
	})
	if err != nil {
		return nil, err
	}
	return begun.UploadId, nil
}

func complete(w words, key string, upload *string, parts []types.CompletedPart) (any, error) {
	done, err := client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: w.text("bucket"), Key: w.text(key), UploadId: upload,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		IfNoneMatch:     w.text("if_none_match"),
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"etag": done.ETag, "version": done.VersionId}, nil
}

func multipart(w words) (any, error) {
	body, err := os.ReadFile(w["file"])
	if err != nil {
		return nil, err
	}
	upload, err := begin(w, "key")
	if err != nil {
		return nil, err
	}
	size, parts := int(w.number("part_size")), []types.CompletedPart{}
	for at := 0; at < len(body); at += size {
		number := aws.Int32(int32(len(parts) + 1))
		sent, err := client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: w.text("bucket"), Key: w.text("key"), UploadId: upload, PartNumber: number,
			Body:              bytes.NewReader(body[at:min(at+size, len(body))]),
			ChecksumAlgorithm: types.ChecksumAlgorithm(w["checksum"]),
		})
		if err != nil {
			return nil, err
		}
		part := types.CompletedPart{PartNumber: number, ETag: sent.ETag}
		if w["checksum"] != "" {
			addChecksums(&part, sent)
		}
		parts = append(parts, part)
	}
	return complete(w, "key", upload, parts)
}

// Of an upload that named none, S3 takes none: the SDK sums each part all the same.
func addChecksums(part *types.CompletedPart, sent *s3.UploadPartOutput) {
	part.ChecksumCRC32, part.ChecksumCRC32C = sent.ChecksumCRC32, sent.ChecksumCRC32C
	part.ChecksumCRC64NVME, part.ChecksumSHA1 = sent.ChecksumCRC64NVME, sent.ChecksumSHA1
	part.ChecksumSHA256, part.ChecksumSHA512 = sent.ChecksumSHA256, sent.ChecksumSHA512
}

// An object made of ranges of another.
func copyParts(w words) (any, error) {
	upload, err := begin(w, "target")
	if err != nil {
		return nil, err
	}
	size, total, parts := w.number("part_size"), w.number("size"), []types.CompletedPart{}
	for at := int64(0); at < total; at += size {
		number := aws.Int32(int32(len(parts) + 1))
		copied, err := client.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
			Bucket: w.text("bucket"), Key: w.text("target"), UploadId: upload, PartNumber: number,
			CopySource:      source(w),
			CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", at, min(at+size, total)-1)),
		})
		if err != nil {
			return nil, err
		}
		part := types.CompletedPart{PartNumber: number, ETag: copied.CopyPartResult.ETag}
		parts = append(parts, part)
	}
	return complete(w, "target", upload, parts)
}

// An upload that is given up: those that are listed before it is, and after.
func abort(w words) (any, error) {
	upload, err := begin(w, "key")
	if err != nil {
		return nil, err
	}
	before, err := uploads(w)
	if err != nil {
		return nil, err
	}
	_, err = client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: w.text("bucket"), Key: w.text("key"), UploadId: upload,
	})
	if err != nil {
		return nil, err
	}
	after, err := uploads(w)
	return [][]string{before, after}, err
}

func uploads(w words) ([]string, error) {
	found := []string{}
	listed, err := client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{
		Bucket: w.text("bucket"),
	})
	if err != nil {
		return nil, err
	}
	for _, upload := range listed.Uploads {
		found = append(found, *upload.Key)
	}
	return found, nil
}

func tag(w words) (any, error) {
	_, err := client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{
		Bucket: w.text("bucket"), Key: w.text("key"),
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: w.text("name"), Value: w.text("value")}}},
	})
	return nil, err
}

func tags(w words) (any, error) {
	found := map[string]string{}
	told, err := client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{
		Bucket: w.text("bucket"), Key: w.text("key"),
	})
	if err != nil {
		return nil, err
	}
	for _, tag := range told.TagSet {
		found[*tag.Key] = *tag.Value
	}
	return found, nil
}

func versioning(w words) (any, error) {
	_, err := client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: w.text("bucket"),
		VersioningConfiguration: &types.VersioningConfiguration{
			Status: types.BucketVersioningStatusEnabled,
		},
	})
	return nil, err
}

// The ids of the versions of all keys and of the markers, newest first.
func versions(w words) (any, error) {
	found := map[string][]string{"versions": {}, "markers": {}}
	pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{
		Bucket: w.text("bucket"),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, version := range page.Versions {
			found["versions"] = append(found["versions"], *version.VersionId)
		}
		for _, marker := range page.DeleteMarkers {
			found["markers"] = append(found["markers"], *marker.VersionId)
		}
	}
	return found, nil
}
