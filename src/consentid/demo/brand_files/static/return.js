// The page that the hub answers to.  The SDK sees its own round trip, finishes it and goes on.
import { start } from "./start.js";
import { note } from "./story.js";

const error = new URLSearchParams(location.search).get("error");
if (error) note("came-without", error);
await start((state) => state.by && note(state.by, "", true));
