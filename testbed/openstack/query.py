"""Runs an SQL statement on MariaDB's socket and prints the rows as JSON.

python query.py SOCKET DATABASE STATEMENT
"""

import json
import sys

import pymysql

socket, database, statement = sys.argv[1:]
connection = pymysql.connect(
    unix_socket=socket,
    user="root",
    database=database or None,
    autocommit=True,
    cursorclass=pymysql.cursors.DictCursor,
)
with connection, connection.cursor() as cursor:
    cursor.execute(statement)
    print(json.dumps(cursor.fetchall(), default=str))
