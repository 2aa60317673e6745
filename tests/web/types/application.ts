// An application in TypeScript that knows the SDK by its .d.ts alone, as from npm. Only checked, never run.
import { Client, Login, RoostError, tokens, type Conversation, type Message } from "roost-chat";

const login = new Login("http://127.0.0.1:8080");
const client = new Client("http://127.0.0.1:8080", { session: login, userID: "ann" });
const other = new Client("http://127.0.0.1:8080", { session: tokens(async () => "a token"), userID: "bob" });

export async function talk(): Promise<string[]> {
  const end = client.on("received", ({ messages }) => console.log(messages.length));
  await client.open();
  const unsent = await client.send("bob", "hi", { messageType: 1 });
  const list: Conversation[] = await client.conversations();
  const last: Message | null = list[0].lastMessage;
  const page: Message[] = await other.history(unsent.conversationID, { limit: 20 });
  end();
  return [last?.content ?? "", ...page.map((message) => message.content)];
}

export function reason(error: unknown): string {
  return error instanceof RoostError && error.retryable ? error.slug : "for good";
}

// @ts-expect-error a message has no number as its text
void client.send("bob", 1);
// @ts-expect-error there is no such event
client.on("recieved", () => {});
