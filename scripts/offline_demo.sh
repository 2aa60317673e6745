#!/usr/bin/env bash
# The offline round with curl (A14): messages to a user who is away, listed in pages, counted, marked as synced,
# cleared. Every answer is checked; the first that is not as it should be ends the script with exit code 1.
#
#   scripts/offline_demo.sh                               a server on http://127.0.0.1:8080 (make run)
#   BASE=https://chat.example.com scripts/offline_demo.sh another one
#
# Needs curl, and python3 to look into JSON. Makes two new users each time.
set -euo pipefail

BASE=${BASE:-http://127.0.0.1:8080}
BASE=${BASE%/}
RUN=$(date +%s)-$$
ALICE=alice-$RUN
BOB=bob-$RUN
CONVERSATION="p:$ALICE:$BOB"
ANSWER=$(mktemp)
trap 'rm -f "$ANSWER"' EXIT

fail() {
	echo "offline_demo: $*" >&2
	exit 1
}

# call METHOD PATH [JSON] [TOKEN]: the request; its answer must have a 2xx status and code 0.
call() {
	local method=$1 path=$2 body=${3:-} token=${4:-} status
	local options=(--silent --show-error --max-time 20 --output "$ANSWER" --write-out '%{http_code}' --request "$method")
	if [ -n "$body" ]; then options+=(--header 'Content-Type: application/json' --data "$body"); fi
	if [ -n "$token" ]; then options+=(--header "Authorization: Bearer $token"); fi
	status=$(curl "${options[@]}" "$BASE$path") || fail "no answer from $BASE; is the server running?"
	case $status in
	2??) ;;
	*) fail "$method $path answered $status: $(cat "$ANSWER")" ;;
	esac
	expect code 0 "$method $path"
}

# get PATH: a place in the last answer, such as data.messages.0.seq; "#" is the length.
get() {
	python3 -c '
import json, sys
place = json.load(open(sys.argv[1]))
for name in sys.argv[2].split("."):
    place = len(place) if name == "#" else place[int(name)] if isinstance(place, list) else place.get(name)
print(json.dumps(place) if not isinstance(place, str) else place)
' "$ANSWER" "$1" 2>/dev/null || echo "(missing)"
}

# expect PATH VALUE WHAT: the last answer has this value there.
expect() {
	local found
	found=$(get "$1")
	[ "$found" = "$2" ] || fail "$3: $1 is $found, not $2: $(head -c 600 "$ANSWER")"
}

# message_ids: the serverMsgIDs of the last answer's messages as {"message_ids": [...]}.
message_ids() {
	python3 -c '
import json, sys
found = json.load(open(sys.argv[1]))["data"]["messages"]
print(json.dumps({"message_ids": [int(message["serverMsgID"]) for message in found]}))
' "$ANSWER"
}

step() { printf '  %s\n' "$*"; }

echo "The offline round against $BASE"

call POST /api/v1/auth/register "{\"userID\":\"$ALICE\",\"password\":\"alice and a long tail\"}"
ALICE_TOKEN=$(get data.token)
call POST /api/v1/auth/register "{\"userID\":\"$BOB\",\"password\":\"bob and a long tail\"}"
BOB_TOKEN=$(get data.token)
step "$ALICE and $BOB have registered; bob has no connection open"

for n in 1 2 3 4 5; do
	call POST /api/messages/user \
		"{\"receiver_id\":\"$BOB\",\"content\":\"message $n\",\"messageID\":\"$RUN-$n\"}" "$ALICE_TOKEN"
	expect data.conversationSeq "$n" "message $n"
done
call POST /api/messages/user \
	"{\"receiver_id\":\"$BOB\",\"content\":\"message 5\",\"messageID\":\"$RUN-5\"}" "$ALICE_TOKEN"
expect data.duplicate true "message 5 again"
expect data.conversationSeq 5 "message 5 again"
step "alice has sent five messages, the last of them twice; it was recognised"

call GET "/api/messages/offline?page=1&page_size=2" "" "$BOB_TOKEN"
expect data.total 5 "offline, page 1"
expect data.messages.# 2 "offline, page 1"
expect data.messages.0.content "message 1" "offline, oldest first"
expect data.messages.0.senderID "$ALICE" "offline, full details"
expect data.hasMore true "offline, page 1"
call GET "/api/messages/offline?page=3&page_size=2" "" "$BOB_TOKEN"
expect data.messages.# 1 "offline, page 3"
expect data.messages.0.content "message 5" "offline, page 3"
expect data.hasMore false "offline, page 3"
call GET "/api/messages/offline?conversation_id=$CONVERSATION" "" "$BOB_TOKEN"
expect data.messages.# 5 "offline, of one conversation"
step "bob's offline list has them in pages, oldest first, by conversation as well"

call GET /api/messages/unread_count "" "$BOB_TOKEN"
expect data.total 5 "unread"
expect data.conversations.0.conversationID "$CONVERSATION" "unread, of the conversation"
expect data.conversations.0.unread 5 "unread, of the conversation"
step "five are unread, in one conversation"

call GET "/api/messages/offline?page=1&page_size=3" "" "$BOB_TOKEN"
MARKS=$(message_ids)
call POST /api/messages/mark_synced "$MARKS" "$BOB_TOKEN"
expect data.synced 3 "mark_synced"
call POST /api/messages/mark_synced "$MARKS" "$BOB_TOKEN"
expect data.synced 0 "mark_synced again"
call GET /api/messages/offline "" "$BOB_TOKEN"
expect data.total 2 "offline, after three are synced"
expect data.messages.0.content "message 4" "offline, after three are synced"
call POST /api/messages/mark_synced "$(message_ids)" "$BOB_TOKEN"
expect data.synced 2 "mark_synced of the rest"
call GET /api/messages/offline "" "$BOB_TOKEN"
expect data.total 0 "offline, after all are synced"
expect data.messages.# 0 "offline, after all are synced"
step "marked as synced, in two portions; the list is empty"

call DELETE "/api/messages/offline/clear?days=0" "" "$BOB_TOKEN"
expect data.cleared 5 "clear"
call DELETE "/api/messages/offline/clear?days=0" "" "$BOB_TOKEN"
expect data.cleared 0 "clear again"
call GET "/api/messages/user/$ALICE" "" "$BOB_TOKEN"
expect data.messages.# 5 "history, after clearing"
step "the index rows are cleared; the conversation's history still has the messages"

echo "All as it should be."
