// The HTTP API. What goes wrong is an Error with the one line that the server says.

async function asked(path, options = {}) {
  let answer;
  try {
    answer = await fetch(`/api${path}`, { cache: "no-store", ...options });
  } catch {
    throw new Error("the server does not answer; is `logisight web` still running?");
  }
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => ({}));
  if (answer.status === 401) location.assign("/");
  if (!answer.ok) throw new Error(said.error ?? `the server says ${answer.status}`);
  return said;
}

const posted = (path, body) =>
  asked(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const api = {
  product: () => asked("/product"),
  rules: () => asked("/rules"),
  sessions: () => asked("/sessions"),
  start: () => posted("/sessions", {}),
  branch: (session, turn) => posted("/sessions", { branch_of: session, turn }),
  talk: (session) => asked(`/sessions/${session}`),
  remove: (session) => asked(`/sessions/${session}`, { method: "DELETE" }),
  decide: (session, yes, edit = "") => posted(`/sessions/${session}/decide`, { yes, edit }),
  goOn: (session) => posted(`/sessions/${session}/go-on`, {}),
  drop: (session) => posted(`/sessions/${session}/drop`, {}),
  picture: (session, number) => asked(`/sessions/${session}/pictures/${number}`),
  heat: (session, number, detector) => posted(`/sessions/${session}/pictures/${number}/heat`, { detector }),
  say(session, text, files) {
    const form = new FormData();
    form.append("text", text);
    for (const file of files) form.append("pictures", file, file.name);
    return asked(`/sessions/${session}/say`, { method: "POST", body: form });
  },
};

export const pictureUrl = (sha256) => `/api/pictures/${sha256}`;
