"""Asks an MCP server what standard input says, a JSON list of steps, and prints what each was answered.

client.py PROGRAM FOLDER starts the server in the folder. A step is ["tools"], ["resources"], ["read", ADDRESS] or
["call", TOOL, ARGUMENTS].
"""

import asyncio
import json
import os
import sys

import jsonschema
from mcp import ClientSession, StdioServerParameters, stdio_client


def plain(answer):
    return answer.model_dump(mode="json", by_alias=True, exclude_none=True)


async def asked(session, step):
    kind, *rest = step
    try:
        if kind == "tools":
            listed = plain(await session.list_tools())
            for tool in listed["tools"]:
                jsonschema.Draft202012Validator.check_schema(tool["inputSchema"])
            return listed
        if kind == "resources":
            return plain(await session.list_resources())
        if kind == "read":
            return plain(await session.read_resource(rest[0]))
        return plain(await session.call_tool(rest[0], rest[1]))
    except Exception as error:  # What the protocol calls an error is an answer here.
        return {"refused": str(error)}


async def main():
    program, folder = sys.argv[1:]
    server = StdioServerParameters(command=program, args=["mcp"], cwd=folder, env=dict(os.environ))
    async with stdio_client(server) as (reading, writing):
        async with ClientSession(reading, writing) as session:
            answers = [plain(await session.initialize())]
            for step in json.load(sys.stdin):
                answers.append(await asked(session, step))
    json.dump(answers, sys.stdout)


asyncio.run(main())
