#!/usr/bin/env bash
# The REST API with curl: rest_search.sh [BASE_URL]
#
# Stores a few colours, each with its red, green and blue as the vector, and asks which of them are closest to a colour
# that is not there. Ends by deleting what it made.
set -euo pipefail
databases=${1:-http://127.0.0.1:8080}/v1/databases

# send METHOD PATH [BODY]: prints the answer; --fail-with-body ends the script where the server refuses.
send() {
  curl --silent --show-error --fail-with-body -X "$1" "$databases$2" \
    -H 'Content-Type: application/json' ${3:+--data "$3"}
  echo
}

echo "A database of vectors with three numbers:"
send POST "" '{"name":"colours-sh","dimension":3,"metric":"euclidean"}' >/dev/null

echo "Several records in one request; upsert=true replaces those that exist:"
send POST "/colours-sh/vectors/batch?upsert=true" '{"vectors":[
  {"id":"tomato","vector":[255,99,71],"metadata":{"warm":true}},
  {"id":"coral","vector":[255,127,80],"metadata":{"warm":true}},
  {"id":"salmon","vector":[250,128,114],"metadata":{"warm":true}},
  {"id":"navy","vector":[0,0,128],"metadata":{"warm":false}},
  {"id":"turquoise","vector":[64,224,208],"metadata":{"warm":false}}]}' | grep -o '"inserted":[0-9]*'

echo "The three closest to [255,110,75]:"
send POST /colours-sh/search '{"vector":[255,110,75],"topK":3,"includeMetadata":true}' | grep -o '"id":"[a-z]*"'

echo "One record by its id:"
send GET /colours-sh/vectors/navy | grep -o '"vector":\[[^]]*\]'

send DELETE /colours-sh >/dev/null
