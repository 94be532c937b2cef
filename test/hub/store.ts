/**
 * The repositories of the loopback hub: commits, branches and files as git and LFS number them, in memory.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** What the hub keeps; spaces are left out. */
export type RepositoryType = "model" | "dataset";

/** A file of a commit. */
export interface StoredFile {
  bytes: Uint8Array;
  /** Git's name of the file, or of its pointer where the content is kept by LFS. */
  oid: string;
  /** The SHA-256 of a file that LFS keeps. */
  sha256?: string;
}

/** One commit with all of its files. */
export interface Commit {
  sha: string;
  title: string;
  author: string;
  parents: readonly string[];
  files: ReadonlyMap<string, StoredFile>;
}

/** A pull request, or a talk. */
export interface Discussion {
  num: number;
  title: string;
  author: string;
  status: "open" | "closed" | "merged";
  isPullRequest: boolean;
}

/** What a repository is made with. */
export interface RepositoryOptions {
  /** @default "model" */
  type?: RepositoryType;
  /** Whether its owner alone sees it. @default false */
  isPrivate?: boolean;
  /** Users whose names are here may read it, all others have to ask. @default everyone may */
  gatedFor?: readonly string[];
}

/** File names and contents; text is written as UTF-8. */
export type Files = Readonly<Record<string, Uint8Array | string>>;

/** Names that LFS keeps whatever their size, as in the attributes of a new repository. */
const LFS_NAMES = /\.(safetensors|bin|parquet|zip|gz|wav|flac|mp3|ogg|opus|onnx|npy|pt)$/;
/** Larger files are kept by LFS whatever their name. */
const LFS_MIN_BYTES = 10 * 2 ** 20;

/** One repository. */
export class Repository {
  readonly id: string;
  readonly type: RepositoryType;
  readonly isPrivate: boolean;
  readonly gatedFor?: readonly string[];
  /** Commits by sha. */
  readonly commits: Map<string, Commit> = new Map();
  /** Branches by name, `refs/pr/1` and `refs/convert/parquet` among them. */
  readonly refs: Map<string, string> = new Map();
  readonly discussions: Discussion[] = [];

  constructor(id: string, options: RepositoryOptions = {}) {
    this.id = id;
    this.type = options.type ?? "model";
    this.isPrivate = options.isPrivate ?? false;
    this.gatedFor = options.gatedFor;
    this.commit({}, { title: "initial commit" });
  }

  /** Whoever owns it. */
  get namespace(): string {
    return this.id.split("/")[0]!;
  }

  /** The commit of a branch, a sha or the beginning of one. */
  resolve(revision: string): Commit | undefined {
    const sha = this.refs.get(revision) ?? revision;
    if (sha.length < 7) return undefined;
    return this.commits.get(sha) ??
      [...this.commits.values()].find((commit) => commit.sha.startsWith(sha));
  }

  /**
   * Adds files to a branch, which is made where there is none.
   *
   * @returns the sha of the new commit.
   */
  commit(
    files: Files,
    options: { branch?: string; title?: string; author?: string; removed?: readonly string[] } = {},
  ): string {
    const { branch = "main", title = "Upload files", author = this.namespace } = options;
    const parent = this.resolve(branch) ?? this.resolve("main");
    const all = new Map(parent?.files);
    for (const name of options.removed ?? []) {
      for (const known of all.keys()) {
        if (known === name || known.startsWith(`${name}/`)) all.delete(known);
      }
    }
    for (const [name, content] of Object.entries(files)) all.set(name, storedFile(name, content));
    const parents = parent ? [parent.sha] : [];
    const tree = [...all].map(([name, { oid }]) => [name, oid]);
    const sha = sha1(JSON.stringify([this.id, this.commits.size, title, parents, tree]));
    this.commits.set(sha, { sha, title, author, parents, files: all });
    this.refs.set(branch, sha);
    return sha;
  }

  /** Opens a pull request with files of its own, on the branch `refs/pr/<its number>`. */
  openPullRequest(
    files: Files,
    options: { title: string; author?: string; status?: Discussion["status"] },
  ): Discussion {
    const { title, author = this.namespace, status = "open" } = options;
    const num = this.discussions.length + 1;
    this.commit(files, { branch: `refs/pr/${num}`, title, author });
    const discussion = { num, title, author, status, isPullRequest: true };
    this.discussions.push(discussion);
    return discussion;
  }
}

/** Whether LFS keeps a file of this name and size. */
export function isLargeFile(name: string, sizeBytes: number): boolean {
  return LFS_NAMES.test(name) || sizeBytes >= LFS_MIN_BYTES;
}

function storedFile(name: string, content: Uint8Array | string): StoredFile {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (!isLargeFile(name, bytes.length)) return { bytes, oid: gitOid(bytes) };
  const sha256 = sha256Of(bytes);
  return { bytes, oid: gitOid(new TextEncoder().encode(lfsPointer(sha256, bytes.length))), sha256 };
}

/** The text that git keeps in place of a large file. */
export function lfsPointer(sha256: string, sizeBytes: number): string {
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${sizeBytes}\n`;
}

/** The name that git gives to a file's content. */
function gitOid(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** The name that LFS gives to a file's content. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function sha1(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}

/** The files of a folder and those below it, for a repository. */
export async function folderFiles(path: string, prefix = ""): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for await (const entry of Deno.readDir(path)) {
    const name = prefix + entry.name;
    if (entry.isDirectory) {
      Object.assign(files, await folderFiles(`${path}/${entry.name}`, `${name}/`));
    } else files[name] = await Deno.readFile(`${path}/${entry.name}`);
  }
  return files;
}
