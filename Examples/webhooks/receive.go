// Takes Kubewa's webhooks. WEBHOOK_KEY is the endpoint's whsec_…, or its public whpk_…; Go's own library is enough.
package main

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// verify is true for a webhook that is Kubewa's, unchanged, and at most five minutes old.
func verify(key string, header http.Header, body []byte) bool {
	id, sentAt := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(sentAt, 10, 64)
	if err != nil || id == "" || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return false
	}
	signed := append([]byte(id+"."+sentAt+"."), body...)
	for _, each := range strings.Split(header.Get("webhook-signature"), " ") {
		version, code, _ := strings.Cut(each, ",")
		given, err := base64.StdEncoding.DecodeString(code)
		if err != nil {
			continue
		}
		if version == "v1" && strings.HasPrefix(key, "whsec_") {
			secret, err := base64.StdEncoding.DecodeString(key[6:])
			right := hmac.New(sha256.New, secret)
			right.Write(signed)
			if err == nil && len(secret) >= 24 && hmac.Equal(right.Sum(nil), given) {
				return true
			}
		}
		if version == "v1a" && strings.HasPrefix(key, "whpk_") {
			public, _ := base64.StdEncoding.DecodeString(key[5:])
			if len(public) == ed25519.PublicKeySize && ed25519.Verify(public, signed, given) {
				return true
			}
		}
	}
	return false
}

type event struct {
	ID   string `json:"event_id"`
	Name string `json:"event"`
}

func handle(it event) error {
	_, err := fmt.Println(it.ID, it.Name)
	return err
}

// In your own server this is a unique column, written in the transaction that does the work.
var done sync.Map

func main() {
	port := os.Getenv("PORT")
	http.HandleFunc("/", func(reply http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(reply, request.Body, 1<<20))
		if err != nil || !verify(os.Getenv("WEBHOOK_KEY"), request.Header, body) {
			reply.WriteHeader(http.StatusUnauthorized)
			return
		}
		id := request.Header.Get("webhook-id")
		if _, isDone := done.Load(id); !isDone {
			var it event
			err := json.Unmarshal(body, &it)
			if err == nil {
				err = handle(it)
			}
			if err != nil {
				reply.WriteHeader(http.StatusInternalServerError)
				return
			}
			done.Store(id, true)
		}
		reply.WriteHeader(http.StatusNoContent)
	})
	panic(http.ListenAndServe("127.0.0.1:"+port, nil))
}
